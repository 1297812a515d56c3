package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

// The test binary is a host that installs, when this variable holds a killedSetting.
const killedVariable = "HOST_TEST_KILLED"

// killedSetting is what TestKilledInTheMiddleOfAPlan has prepared.
type killedSetting struct{ Home, URL, Root string }

// playKilled runs a host that updates everything, if no plan of before is under way, and ends
// when that is over, if nobody kills it before.
func playKilled(setting string) int {
	var k killedSetting
	err := json.Unmarshal([]byte(setting), &k)
	if err == nil {
		err = k.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (k killedSetting) run() error {
	roots, err := readRoot(k.Root)
	if err != nil {
		return err
	}
	shelf, err := newShelf(k.URL, roots, func() time.Time { return roots.Certificates[0].NotBefore.Add(24 * time.Hour) })
	if err != nil {
		return err
	}
	cfg := host.Config{
		Home: k.Home, Version: "1.0.0", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Trust: host.Trust{Policy: "warn"},
		ScanInterval: 200 * time.Millisecond, Limits: bundle.DefaultLimits(), Shim: program, Environ: os.Environ(),
		Settings: func(string) host.Settings { return quick() },
	}
	from(shelf)(&cfg)
	h, err := host.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	over := func(p host.Plan) bool { return p.State.Over() }
	r := host.PlanRequest{UpdateAll: true, Actor: "ann"}
	started := within(func() bool {
		if !h.Ready() {
			return false
		}
		_, err := h.StartPlan(ctx, r)
		return err == nil
	})
	fmt.Println("started")
	told := map[string]host.StepState{}
	if !started || !within(func() bool {
		for _, step := range h.Plans()[0].Steps {
			if told[step.ID] != step.State {
				told[step.ID] = step.State
				fmt.Println(step.State)
			}
		}
		return !slices.ContainsFunc(h.Plans(), func(p host.Plan) bool { return !over(p) })
	}) {
		return fmt.Errorf("the plans do not end: %+v", h.Plans())
	}
	fmt.Println("over")
	cancel()
	return <-ended
}

// moment is when a host is killed: some time, at random, after it has said a word.
type moment struct {
	word  string
	after time.Duration
	mood  string // of the extension that comes last
}

// moments are any time, and those at which most is half done: while what has landed comes up,
// and while it is taken back.
func moments() []moment {
	return []moment{
		{word: "started", after: 3 * time.Second}, // about as long as a plan takes on a busy machine
		{word: "downloading"},
		{word: "installing"}, {word: "installing", after: 300 * time.Millisecond}, {word: "installing", after: 300 * time.Millisecond},
		{word: "installing", after: time.Second, mood: "activate"}, {word: "failed", mood: "activate"},
	}
}

// TestKilledInTheMiddleOfAPlan kills the host in the middle of plans. At the next start the
// plan is completed or taken back: both of the extensions are in one version, which fits the
// other, and the plan has ended.
func TestKilledInTheMiddleOfAPlan(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := openShop(t)
	s.offer(t, moody{class: deepB, version: "1"})
	s.offer(t, moody{class: deepA, version: "1", requires: deepB + " >=1 <2"})
	home := t.TempDir()
	w := installer(t, home, s)
	if p := w.awaitOver(w.begins(request(deepA)).ID); p.State != "succeeded" {
		t.Fatalf("the first plan: %+v\n%s", p, w.log)
	}
	w.stop()
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := s.rootFile(root); err != nil {
		t.Fatal(err)
	}
	setting, err := json.Marshal(killedSetting{Home: home, URL: s.server.URL, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	for n, m := range moments() {
		version := n + 2
		s.offer(t, moody{class: deepB, version: fmt.Sprint(version), overlap: version%2 == 0})
		s.offer(t, moody{class: deepA, version: fmt.Sprint(version), overlap: version%2 == 0, mood: m.mood, requires: fmt.Sprintf("%s >=%d <%d", deepB, version, version+1)})
		var after time.Duration
		if m.after > 0 {
			after = time.Duration(random.Int64N(int64(m.after)))
		}
		output := killedHost(t, string(setting), m.word, after)
		w = installer(t, home, s)
		when := fmt.Sprintf("killed %v after %q of version %d", after, m.word, version)
		w.consistent(when + "\n" + output)
		last := w.Plans()[0]
		t.Logf("%s: the plan is %s %s", when, last.State, last.Code)
		if m.mood != "" && last.State == "succeeded" {
			t.Errorf("%s: a plan has succeeded whose extension does not serve", when)
		}
		w.stop()
	}
}

// killedHost runs a host, and kills it some time after it has said a word of how its plan goes.
func killedHost(t *testing.T, setting, word string, after time.Duration) (output string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedVariable+"="+setting)
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := func(word string) bool { return strings.Contains("\n"+log.String(), "\n"+word+"\n") }
	if !within(func() bool { return said(word) || said("over") }) || !said(word) {
		t.Errorf("the host does not say %q\n%s", word, log)
	}
	<-time.After(after) // a moment at random is what this test is about
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed, or had ended before
	return log.String()
}

// consistent waits until every plan has ended, and holds what is there to that.
func (w *world) consistent(when string) {
	w.t.Helper()
	if !within(func() bool {
		return w.Ready() && !slices.ContainsFunc(w.Plans(), func(p host.Plan) bool { return !p.State.Over() })
	}) {
		w.t.Fatalf("%s: plans do not end: %+v\n%s", when, w.Plans(), w.log)
	}
	a := w.await(deepA, "running", func(e host.Extension, found bool) bool { return found && e.State == "running" })
	b := w.await(deepB, "running", func(e host.Extension, found bool) bool { return found && e.State == "running" })
	last := w.Plans()[0]
	if a.Version != b.Version || last.State == "succeeded" && len(last.Steps) == 2 && last.Steps[0].To != a.Version ||
		last.State == "failed" && last.Steps[0].From != a.Version {
		w.t.Errorf("%s: %s runs in version %s, %s in %s, the last plan is %+v\n%s", when, deepA, a.Version, deepB, b.Version, last, w.log)
	}
	w.asks(deepA+"Request", "version", a.Version)
	w.asks(deepB+"Request", "version", b.Version)
}
