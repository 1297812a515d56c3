package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// wish is what the administrator asked for, of one extension. What was under way when
// the host died may hold or not; what was answered holds.
type wish struct {
	parcel
	last     int          // number of the newest version that exists anywhere
	accepted int          // of the newest whose acceptance was certain
	disabled map[bool]int // what may be so; one key when it is certain
	pinned   map[string]int
	spared   bool // never disabled nor pinned: somebody counts what it answers
}

func (w *wish) isPinned() bool {
	_, no := w.pinned[""]
	return !no && len(w.pinned) == 1
}

// killer is the scenario's state.
type killer struct {
	*stage
	*host
	wishes []*wish
	sum    [sha256.Size]byte // of the executable
	acts   map[string]int    // accepted acts, by kind
	denied map[string]int    // those that were not, by kind and status
	starts []time.Duration
	shots  int
	left   int // processes that outlived a host by a second
	lost   int // wishes that were not met after a start
	half   int // processes that were not whole
	told   []string
	ended  int // answers from versions that nobody had sent whole
	asked  tally
}

// hostKills kills the host at random moments while versions and verbs come.
func hostKills(ctx context.Context, s *stage) error {
	h, err := s.host("home", settings{"upgrade.probation": "1s", "timeouts.drain": "2s"})
	if err != nil {
		return err
	}
	k, err := s.wishes(h, 5)
	if err != nil {
		return err
	}
	for k.shots < s.plan.hostKills {
		if err := k.round(ctx); err != nil {
			k.tell()
			return err
		}
	}
	// The last start looks at what the last kill left.
	if err := k.begin(ctx); err != nil {
		k.tell()
		return err
	}
	k.tell()
	return nil
}

// wishes puts the first versions of so many extensions into the drop folder of a host that
// does not run yet.
func (s *stage) wishes(h *host, count int) (*killer, error) {
	k := &killer{stage: s, host: h, sum: sha256.Sum256(s.kit.exec), acts: map[string]int{}, denied: map[string]int{}, asked: account(nil)}
	for i := range count {
		w := &wish{parcel: good(fmt.Sprintf("e%d", i), 1, i%2 == 0), last: 1, accepted: 1, disabled: map[bool]int{false: 1}, pinned: map[string]int{"": 1}}
		k.wishes = append(k.wishes, w)
		if err := h.put(w.file(), s.kit.pack(w.parcel)); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// begin starts the host, waits until it has settled and compares it with the wishes.
func (k *killer) begin(ctx context.Context) error {
	if err := k.start(ctx); err != nil {
		return err
	}
	took, err := k.ready(ctx)
	if err != nil {
		return err
	}
	k.starts = append(k.starts, took)
	for _, w := range k.wishes {
		if err := k.compare(ctx, w); err != nil {
			k.lost++
			k.told = append(k.told, fmt.Sprintf("after kill %d: %v", k.shots, err))
			if ctx.Err() != nil {
				return err
			}
		}
	}
	return k.sound(ctx)
}

// round starts the host, acts, and kills it at some moment.
func (k *killer) round(ctx context.Context) error {
	if k.shots > 0 && k.rng.IntN(4) == 0 {
		// While it starts, before anybody could look.
		if err := k.start(ctx); err != nil {
			return err
		}
		return errOr(pause(ctx, time.Duration(k.rng.IntN(300))*time.Millisecond), k.shoot)
	}
	if err := k.begin(ctx); err != nil {
		return err
	}
	busy := k.wishes[k.rng.IntN(len(k.wishes))]
	l := k.load(ctx, busy.name, 100, 50, loadTimeout)
	defer l.end()
	acting, stop := context.WithCancel(ctx)
	defer stop()
	// The operator's choices are of a generator of its own: how many it makes depends
	// on time.
	choices := rand.New(rand.NewPCG(k.rng.Uint64(), k.rng.Uint64()))
	after := time.Duration(k.rng.IntN(2500)) * time.Millisecond
	ended := make(chan error, 1)
	go func() {
		ended <- k.operate(acting, choices, 400*time.Millisecond, func(act func() error) error { return act() })
	}()
	err := pause(ctx, after)
	if err == nil {
		err = k.shootWith(func() error {
			stop()
			return <-ended
		})
	} else {
		stop()
		<-ended
	}
	for _, r := range l.end() {
		if r.version != "" && !busy.sent(r.version) || r.kind() == "wrong answer" {
			k.ended++
		}
		k.asked.add([]record{r})
	}
	return err
}

func errOr(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// sent reports whether a version was ever sent whole.
func (w *wish) sent(v string) bool {
	for n := 1; n <= w.last; n++ {
		if version(n) == v {
			return true
		}
	}
	return false
}

func (k *killer) shoot() error { return k.shootWith(func() error { return nil }) }

// shootWith kills the host, lets then the operator notice, and waits for the deaths of
// the children.
func (k *killer) shootWith(then func() error) error {
	children := below(processes(), k.self.pid)
	k.kill()
	k.shots++
	died := time.Now()
	err := then()
	for _, p := range children {
		for p.alive() && time.Since(died) < time.Second {
			time.Sleep(5 * time.Millisecond)
		}
		if p.alive() {
			k.left++
			_ = p.kill(9)
		}
	}
	k.left += len(k.orphans())
	return err
}

// operate does what administrators do until ctx ends, with rests of up to the given length.
// Each act is done within the given function.
func (k *killer) operate(ctx context.Context, choices *rand.Rand, rest time.Duration, within func(act func() error) error) error {
	for {
		if pause(ctx, time.Duration(choices.Int64N(int64(rest)))) != nil {
			return nil
		}
		w := k.wishes[choices.IntN(len(k.wishes))]
		kind := choices.IntN(7)
		if w.spared {
			kind %= 4 // new versions only
		}
		if err := within(func() error { return k.act(ctx, w, kind) }); err != nil {
			return err
		}
	}
}

func (k *killer) act(ctx context.Context, w *wish, kind int) error {
	switch kind {
	case 0, 1:
		return k.dropNew(w)
	case 2, 3:
		k.uploadNew(ctx, w)
	case 4:
		k.toggle(ctx, w)
	case 5:
		k.pin(ctx, w)
	case 6:
		return k.dropHalf(w)
	}
	return nil
}

func (w *wish) next() parcel {
	w.last++
	p := w.parcel
	p.version = version(w.last)
	return p
}

// dropNew lays a new version into the folder: certain, as it is there.
func (k *killer) dropNew(w *wish) error {
	p := w.next()
	if err := k.put(p.file(), k.kit.pack(p)); err != nil {
		return err
	}
	w.accepted = w.last
	k.acts["drop"]++
	return nil
}

// uploadNew uploads a new version: certain once it is answered 202.
func (k *killer) uploadNew(ctx context.Context, w *wish) {
	p := w.next()
	// The host's death is what breaks it off, not ours.
	status, err := k.upload(context.WithoutCancel(ctx), k.kit.pack(p))
	if err == nil && status == http.StatusAccepted {
		w.accepted = w.last
	}
	k.count("upload", status, err)
}

func (k *killer) count(kind string, status int, err error) {
	switch {
	case err != nil: // the host has died
	case status == http.StatusOK || status == http.StatusAccepted:
		k.acts[kind]++
	default:
		k.denied[fmt.Sprintf("%s %d", kind, status)]++
	}
}

// toggle disables or enables.
func (k *killer) toggle(ctx context.Context, w *wish) {
	_, enabled := w.disabled[false]
	kind := "enable"
	if enabled {
		kind = "disable"
	}
	status, err := k.verb(context.WithoutCancel(ctx), w.name, kind, "")
	switch {
	case err != nil:
		w.disabled[enabled] = 1 // either
	case status == http.StatusOK:
		w.disabled = map[bool]int{enabled: 1}
	}
	k.count(kind, status, err)
}

// pin pins the version that runs, or takes the pin away.
func (k *killer) pin(ctx context.Context, w *wish) {
	ctx = context.WithoutCancel(ctx)
	kind, body, to := "unpin", "", ""
	if _, free := w.pinned[""]; free {
		shown, err := k.row(ctx, w.name)
		if err != nil || shown.State != "running" {
			return
		}
		kind, to = "pin", shown.Version
		body = fmt.Sprintf(`{"version": %q}`, to)
	}
	status, err := k.verb(ctx, w.name, kind, body)
	switch {
	case err != nil:
		w.pinned[to] = 1 // either
	case status == http.StatusOK:
		w.pinned = map[string]int{to: 1}
	}
	k.count(kind, status, err)
}

// dropHalf begins to copy a version that never comes whole.
func (k *killer) dropHalf(w *wish) error {
	p := w.parcel
	p.version = "9.0.0"
	jar := k.kit.pack(p)
	k.acts["half a copy"]++
	return os.WriteFile(filepath.Join(k.drop(), "half-"+w.name+".jar"), jar[:len(jar)/2], 0o644)
}

// highest is the newest version of w in the drop folder.
func (k *killer) highest(w *wish) int {
	for n := w.last; n > 0; n-- {
		p := w.parcel
		p.version = version(n)
		if _, err := os.Stat(filepath.Join(k.drop(), p.file())); err == nil {
			return n
		}
	}
	return 0
}

// compare waits until an extension is as it was wished, and makes certain what was not.
func (k *killer) compare(ctx context.Context, w *wish) error {
	highest := k.highest(w)
	if highest < w.accepted {
		return fmt.Errorf("%s: version %s was accepted, and the folder holds %s", w.name, version(w.accepted), version(highest))
	}
	allowed := func(r row) bool {
		if _, ok := w.disabled[true]; ok && r.State == "stopped" && r.PID == 0 {
			_, pinned := w.pinned[r.pinned()]
			return pinned
		}
		if _, ok := w.disabled[false]; !ok {
			return false
		}
		if _, ok := w.pinned[r.pinned()]; !ok {
			return false
		}
		if v := r.pinned(); v != "" {
			return r.runs(v)
		}
		return r.runs(version(highest))
	}
	shown, err := k.awaitRow(ctx, patience, w.name, fmt.Sprintf("is as wished (%s, disabled %v, pinned %v)", version(highest), w.disabled, w.pinned), allowed)
	if err == nil || shown.ID != "" {
		w.accepted = highest
		w.disabled = map[bool]int{shown.State == "stopped": 1}
		w.pinned = map[string]int{shown.pinned(): 1}
	}
	if err != nil {
		return err
	}
	if shown.PID != 0 {
		if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/exe", shown.PID)); err == nil {
			if sum := sha256.Sum256(data); !bytes.Equal(sum[:], k.sum[:]) {
				k.half++
			}
		}
	}
	return k.tidy(w, highest)
}

// tidy removes files that are of no use any more, sometimes.
func (k *killer) tidy(w *wish, highest int) error {
	_ = os.Remove(filepath.Join(k.drop(), "half-"+w.name+".jar"))
	if len(w.pinned) != 1 || w.isPinned() || highest < 3 {
		return nil
	}
	for n := 1; n < highest-1; n++ {
		p := w.parcel
		p.version = version(n)
		if err := os.Remove(filepath.Join(k.drop(), p.file())); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

func (k *killer) tell() {
	k.figure(fmt.Sprintf("children alive a second after kill -9 of the host, %d times", k.shots), fmt.Sprint(k.left), "0", k.left == 0)
	k.figure("wishes that the next start did not meet", fmt.Sprint(k.lost), "0", k.lost == 0 && len(k.starts) > 0)
	k.figure("half-installed bundles that ran", fmt.Sprint(k.half+k.ended), "0", k.half+k.ended == 0)
	verbs := k.acts["enable"] + k.acts["disable"] + k.acts["pin"] + k.acts["unpin"]
	k.figure("accepted acts", fmt.Sprint(k.acts), "uploads and verbs among them", k.acts["upload"] > 0 && verbs > 0)
	k.figure("acts that were refused", fmt.Sprint(k.denied), "none", len(k.denied) == 0)
	k.figure("start to ready (median, worst)", ms(median(k.starts))+", "+ms(worst(k.starts)), "reported", true)
	for _, text := range k.told[:min(len(k.told), 5)] {
		k.note("%s: %s", k.stage.name, text)
	}
	k.note("%s: requests meanwhile: %s", k.stage.name, k.asked.failures())
}
