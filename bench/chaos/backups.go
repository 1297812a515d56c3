package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// How busy a host is while it is backed up.
const (
	backupRate    = 200 // requests a second
	backupClients = 50
	backupRest    = 300 * time.Millisecond // between two acts of the operator, at most
	backupTries   = 20                     // versions may change each time while data are copied
)

// backupRun is the scenario's state.
type backupRun struct {
	*killer
	busy *wish // what is asked: it writes a line for each answer
	asks *load

	acting    sync.Mutex // held during an act; guards what follows, and the wishes
	span      []*wish    // what may have been wished since the backup began; nil between backups
	making    bool       // a backup, just now
	meanwhile int        // acts while backups were made

	answers tally
	numbers []int64 // of the requests that were answered, but for the open window
	refused int     // backups that were not made because versions changed
	took    []time.Duration
	missing int // answers from before a backup that the restored data lack
	held    int // answers that they were looked through for
	unsaid  int // backups with half a change of which they did not say so
	lost    []string
	silent  int // restored extensions that do not answer
}

// backups backs a host up while it is asked, upgraded and changed, restores each backup into
// another home, and holds the host there to what a host must be after it was killed.
func backups(ctx context.Context, s *stage) error {
	h, err := s.host("home", settings{"upgrade.probation": "1s", "timeouts.drain": "2s"})
	if err != nil {
		return err
	}
	k, err := s.wishes(h, 4)
	if err != nil {
		return err
	}
	b := &backupRun{killer: k, busy: k.wishes[1], answers: account(nil)} // an exclusive one
	b.busy.spared = true
	if err := k.begin(ctx); err != nil {
		return err
	}
	b.asks = h.load(ctx, b.busy.name, backupRate, backupClients, loadTimeout)
	defer b.asks.end()
	for n := range s.plan.backups {
		if err = b.round(ctx, n); err != nil {
			break
		}
	}
	b.take(b.asks.end())
	b.tell()
	return err
}

// take closes a window of the load.
func (b *backupRun) take(records []record) {
	b.answers.add(records)
	b.numbers = append(b.numbers, answered(records)...)
}

// round makes one backup and looks at it.
func (b *backupRun) round(ctx context.Context, n int) error {
	file := filepath.Join(b.dir, fmt.Sprintf("backup-%d.tar.gz", n))
	operating, stop := context.WithCancel(ctx)
	defer stop()
	choices := rand.New(rand.NewPCG(b.rng.Uint64(), b.rng.Uint64()))
	ended := make(chan error, 1)
	go func() { ended <- b.operate(operating, choices, backupRest, b.during) }()
	err := pause(ctx, time.Duration(500+b.rng.IntN(1500))*time.Millisecond)
	var before []int64
	var changed []string
	if err == nil {
		before, changed, err = b.backUp(ctx, file)
	}
	if err == nil {
		err = pause(ctx, 500*time.Millisecond) // what is done after a backup is not in it
	}
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	b.take(b.asks.cut())
	if err := b.restored(ctx, n, file, before, changed); err != nil {
		return err
	}
	b.span = nil
	return errors.Join(b.settled(ctx), os.Remove(file))
}

// settled waits until the host that goes on is as it was wished.
func (b *backupRun) settled(ctx context.Context) error {
	for _, w := range b.wishes {
		if err := b.compare(ctx, w); err != nil {
			return fmt.Errorf("the host that was backed up: %w", err)
		}
	}
	return b.sound(ctx)
}

// during lets the operator do something, and notes what may be so from then on.
func (b *backupRun) during(act func() error) error {
	b.acting.Lock()
	defer b.acting.Unlock()
	err := act()
	if b.making {
		b.meanwhile++
	}
	for i, w := range b.span {
		was := b.wishes[i]
		w.last = was.last
		maps.Copy(w.disabled, was.disabled)
		maps.Copy(w.pinned, was.pinned)
	}
	return err
}

// backUp makes a backup. before are the requests that were answered when it began, changed
// the extensions of which it says that they wrote meanwhile.
func (b *backupRun) backUp(ctx context.Context, file string) (before []int64, changed []string, err error) {
	for try := 1; ; try++ {
		b.acting.Lock()
		b.span = nil
		for _, w := range b.wishes {
			span := *w
			span.disabled, span.pinned = maps.Clone(w.disabled), maps.Clone(w.pinned)
			b.span = append(b.span, &span)
		}
		b.making = true
		b.acting.Unlock()
		before = append(slices.Clone(b.numbers), answered(b.asks.peek())...)
		began := time.Now()
		out, err := jackfield(ctx, b.killer.binary(), "backup", file, "--home", b.home, "-o", "json")
		b.acting.Lock()
		b.making = false
		b.acting.Unlock()
		if err != nil && strings.Contains(err.Error(), "versions changed while the backup was made") && try < backupTries {
			b.refused++
			continue
		}
		var report struct{ Changed, Skipped []any }
		if err == nil {
			err = json.Unmarshal(out, &report)
		}
		if err != nil {
			return nil, nil, err
		}
		b.took = append(b.took, time.Since(began))
		for _, id := range report.Changed {
			changed = append(changed, fmt.Sprint(id))
		}
		if len(report.Skipped) > 0 {
			b.lost = append(b.lost, fmt.Sprintf("a backup leaves out %v", report.Skipped))
		}
		return before, changed, nil
	}
}

// binary is the program of the host.
func (k *killer) binary() string { return k.host.binary }

// jackfield runs a command and returns what it prints.
func jackfield(ctx context.Context, binary string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("jackfield %s: %w: %s", args[0], err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// restored starts a host in a home that is made of a backup, and holds it to what must be.
func (b *backupRun) restored(ctx context.Context, n int, file string, before []int64, changed []string) error {
	h := &host{
		binary: b.host.binary, home: filepath.Join(b.dir, fmt.Sprintf("restored-%d", n)),
		temp: b.temp, log: filepath.Join(b.dir, fmt.Sprintf("restored-%d.log", n)),
	}
	b.hosts = append(b.hosts, h)
	if _, err := jackfield(ctx, h.binary, "restore", file, "--home", h.home); err != nil {
		return err
	}
	b.checkJournal(h, before, changed)
	if err := h.otherUsers(); err != nil {
		return err
	}
	again := &killer{stage: b.stage, host: h, wishes: b.span, sum: b.sum, asked: account(nil)}
	if err := again.begin(ctx); err != nil {
		return fmt.Errorf("the restored host: %w", err)
	}
	b.lost = append(b.lost, again.told...)
	b.half += again.half
	for _, w := range again.wishes {
		if w.disabled[true] > 0 {
			continue
		}
		status, _, err := h.call(ctx, http.MethodPost, "http://"+h.requests+"/v1/requests/"+typeOf(w.name), "application/json", []byte(`{"n": 0}`))
		if err != nil || status != http.StatusOK {
			b.silent++
		}
	}
	err := h.stop()
	b.left += len(h.orphans())
	return errors.Join(err, os.RemoveAll(h.home))
}

// otherUsers gives the extensions of a restored home users of their own: those that they
// had have processes, of the host that was backed up.
func (h *host) otherUsers() error {
	return h.configure("sandbox.users = 1900100000-1900165535")
}

// checkJournal compares what the restored data hold with what was answered before the backup
// began. Half of a line may be the last, where the backup says so.
func (b *backupRun) checkJournal(h *host, before []int64, changed []string) {
	text, err := os.ReadFile(h.data(b.busy.name, "journal"))
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if len(whole) < len(text) && !slices.Contains(changed, idOf(b.busy.name)) {
		b.unsaid++
	}
	var j journal
	if err == nil {
		j, err = parseJournal(string(whole))
	}
	if err != nil {
		b.lost = append(b.lost, "the restored data: "+err.Error())
		return
	}
	b.held += len(before)
	b.missing += j.missing(before)
	sent := b.asks.number.Load()
	for number := range j.numbers {
		if number > sent {
			b.lost = append(b.lost, fmt.Sprintf("the restored data have request %d, of %d that were sent", number, sent))
			return
		}
	}
}

func (b *backupRun) tell() {
	b.figure(fmt.Sprintf("failed requests while %d backups were made", len(b.took)), b.answers.failures(), "0", b.answers.failed+b.answers.lost == 0 && b.answers.all > 0)
	b.figure("acts while backups were made, of those accepted", fmt.Sprintf("%d of %v", b.meanwhile, b.acts), "some", b.meanwhile > 0)
	b.figure("acts that were refused", fmt.Sprint(b.denied), "none", len(b.denied) == 0)
	b.figure("what a restored home lacks, or has that nobody wished", fmt.Sprint(len(b.lost)), "0", len(b.lost) == 0 && len(b.took) == b.plan.backups)
	b.figure("answered requests that are not in the restored data", fmt.Sprintf("%d of %d", b.missing, b.held), "0", b.missing == 0 && b.held > 0)
	b.figure("halves of changes of which the backup says nothing", fmt.Sprint(b.unsaid), "0", b.unsaid == 0)
	b.figure("half-installed bundles that ran, extensions without an answer, processes left", fmt.Sprint(b.half+b.silent+b.left), "0", b.half+b.silent+b.left == 0)
	b.figure("a backup took (median, worst)", ms(median(b.took))+", "+ms(worst(b.took)), "reported", true)
	for _, text := range b.lost[:min(len(b.lost), 5)] {
		b.note("%s: %s", b.stage.name, text)
	}
	if b.answers.example != "" {
		b.note("%s: %s", b.stage.name, b.answers.example)
	}
	b.note("%s: %d backups were refused because versions changed while data were copied, and tried again", b.stage.name, b.refused)
}
