package deploy

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

var (
	seedFlag  = flag.Uint64("deploy.seed", 0, "play only this seed")
	livesFlag = flag.Uint64("deploy.lives", 600, "how many seeds to play")
)

// TestRandomLives plays random lives: what is wanted changes at any time, and processes
// do whatever a process can. After each step what package deploy promises is checked.
func TestRandomLives(t *testing.T) {
	if *seedFlag != 0 {
		playSeed(t, *seedFlag)
		return
	}
	for seed := uint64(1); seed <= *livesFlag; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playSeed(t, seed) })
		if t.Failed() {
			return
		}
	}
}

func playSeed(t *testing.T, seed uint64) {
	inWorld(t, func(w *world) {
		l := &life{world: w, rand: rand.New(rand.NewPCG(seed, 1))}
		for range 120 {
			if l.play(); w.t.Failed() {
				l.tell()
				break
			}
		}
		for _, i := range w.instances { // slow ones would hold up the end
			i.hurry()
		}
		<-w.d.Stop(w.t.Context())
		l.checkStops()
	})
}

// life is a world in which chance reigns.
type life struct {
	*world
	rand  *rand.Rand
	moves []string

	served bool // something served since something is wanted
}

// play does one random thing, lets everything settle and checks it.
func (l *life) play() {
	switch n := l.rand.IntN(20); {
	case n < 3:
		l.wish()
	case n < 4:
		l.want.Restart++
		l.moved("restart")
	case n < 5 && l.rand.IntN(2) == 0:
		l.want.Renew++
		l.moved("renew")
	case n < 5:
		l.want.Retry++
		l.moved("retry")
	case n < 6:
		l.fault()
	case n < 7:
		pause := time.Duration(l.rand.IntN(40)) * time.Second
		l.moved("%s go by", pause)
		time.Sleep(pause)
	default:
		l.process()
	}
	l.settle()
	l.check()
}

func (l *life) moved(format string, args ...any) {
	l.moves = append(l.moves, fmt.Sprintf(format, args...))
	l.note("-- "+format, args...)
}

// wish changes what is wanted.
func (l *life) wish() {
	l.want.RestoreData = l.rand.IntN(4) == 0
	l.want.Blocked = l.rand.IntN(6) == 0
	if l.rand.IntN(6) == 0 {
		l.want.Version, l.served = nil, false
		l.moved("want nothing")
		return
	}
	// The digest says whether a version is exclusive: it is one of its bytes.
	names := []string{"o1", "o2", "x1", "x2", "x3"}
	name := names[l.rand.IntN(len(names))]
	l.want.Version = &version{w: l.world, name: name, exclusive: name[0] == 'x'}
	l.want.Fallback = nil
	if l.rand.IntN(4) == 0 {
		other := names[l.rand.IntN(len(names))]
		if other != name {
			l.want.Fallback = &version{w: l.world, name: other, exclusive: other[0] == 'x'}
		}
	}
	l.moved("want %s, restore data %v, blocked %v", name, l.want.RestoreData, l.want.Blocked)
}

// fault lets an operation on the data fail from now on, or succeed again.
func (l *life) fault() {
	name := []string{"prepare", "take", "restore", "done"}[l.rand.IntN(4)]
	faults := []error{nil, errors.New("no"), &TooBigError{2, 1}}
	l.mu.Lock()
	l.dataErr[name] = faults[l.rand.IntN(len(faults))]
	l.mu.Unlock()
	l.moved("%s now ends with %v", name, l.dataErr[name])
}

// process lets one process that lives do what the supervisor could make of it.
func (l *life) process() {
	var living []*instance
	for _, i := range l.instances {
		if i.state() != lifecycle.Stopped {
			living = append(living, i)
		}
	}
	if len(living) == 0 {
		return
	}
	// The newest ones are what it is about.
	i := living[len(living)-1-l.rand.IntN(min(2, len(living)))]
	status := i.Status()
	n := l.rand.IntN(10)
	switch {
	case i.stops() > 0:
		i.hurry()
	case n == 0 && i.slowDown():
		l.moved("%s will be slow to stop", i.name)
	case status.State == lifecycle.Starting && i.held && !i.activated() && !status.Prepared && n < 7:
		l.moved("%s is prepared", i.name)
		i.prepared()
	case status.State == lifecycle.Starting && (!i.held || i.activated()) && n < 7,
		status.State == lifecycle.Backoff && (!i.held || i.activated()) && n < 5:
		l.moved("%s runs", i.name)
		i.running()
	case status.State == lifecycle.Starting && n < 9, status.State == lifecycle.Running && n < 3:
		l.moved("%s crashes", i.name)
		if i.held && i.activated() && status.State == lifecycle.Starting {
			i.fail(lifecycle.Failed, "init_failed") // it is not tried again
			return
		}
		i.fail(lifecycle.Backoff, "crashed")
	case status.State == lifecycle.Backoff && n < 7 && !i.activated():
		l.moved("%s starts again", i.name)
		i.set(func(st *supervisor.Status) { st.State, st.Reason = lifecycle.Starting, nil })
	case status.State == lifecycle.Backoff:
		l.moved("%s fails", i.name)
		i.fail(lifecycle.Failed, "crashed")
	}
}

// check compares how things stand with what is promised.
func (l *life) check() {
	l.t.Helper()
	view := l.d.View()
	serving, _ := view.Instance.(*instance)
	if l.want.Version == nil {
		l.served = false
	} else if serving != nil && serving.state() == lifecycle.Running && serving.stops() == 0 {
		l.served = true
	}
	l.checkExclusive()
	l.checkStops()
	l.checkRenewed(view)
	if view.Held != l.isHeld() {
		l.t.Errorf("the view says held %v, and the gate is held %v", view.Held, l.isHeld())
	}
	if view.Held && !l.busy() {
		l.t.Error("requests are held, and nothing is under way that would end that")
	}
	if l.d.trial != nil && l.d.phase == idle && serving.state() != lifecycle.Running {
		l.t.Errorf("%s is %s in its probation, and nobody takes its place", serving.name, serving.state())
	}
	if !l.served || view.Held {
		return
	}
	switch {
	case serving == nil && l.want.Blocked:
	case serving == nil && l.want.Renew > 0 && len(l.d.leaving) > 0: // it was ended, and waits for others to have gone
	case serving == nil:
		l.t.Error("nobody serves, though something served and is wanted")
	case serving.stops() > 0 && !l.replaced(serving):
		l.t.Errorf("%s serves, and is stopped", serving.name)
	}
}

// replaced reports whether a process may end without another that serves: one that had
// to be renewed was there before it.
func (l *life) replaced(i *instance) bool {
	return i.renew != l.want.Renew || l.count("note ended "+nameOf(i)) > 0
}

// checkRenewed: what was launched before the last renewal ends, and while it does not
// yet, something is under way that ends it.
func (l *life) checkRenewed(view View) {
	l.t.Helper()
	for _, i := range l.instances {
		if i.renew == l.want.Renew || i.stops() > 0 || i.state() == lifecycle.Stopped {
			continue
		}
		if view.AtRest {
			l.t.Errorf("%s may do what it must not do any more, and all is at rest", i.name)
		}
		if !l.busy() {
			l.t.Errorf("%s may do what it must not do any more, and nothing is under way that ends it", i.name)
		}
	}
}

// busy reports whether a process of which something is expected still starts or ends.
func (l *life) busy() bool {
	for _, i := range l.instances {
		switch s := i.state(); {
		case s == lifecycle.Stopped:
		case i.stops() > 0, s == lifecycle.Starting:
			return true
		case i.held && s != lifecycle.Failed: // a candidate
			return true
		}
	}
	return false
}

// checkExclusive: an exclusive version is activated only when no other process is left
// that was.
func (l *life) checkExclusive() {
	l.t.Helper()
	var active []*instance
	for _, i := range l.instances {
		if i.state() != lifecycle.Stopped && (!i.held || i.activated()) {
			active = append(active, i)
		}
	}
	for n, a := range active {
		for _, b := range active[n+1:] {
			if nameOf(a) == nameOf(b) && a.name[0] != 'x' {
				continue
			}
			if a.name[0] == 'x' || b.name[0] == 'x' {
				l.t.Errorf("%s and %s share their data", a.name, b.name)
			}
		}
	}
}

func nameOf(i *instance) string {
	name, _, _ := strings.Cut(i.name, "#")
	return name
}

func (l *life) checkStops() {
	l.t.Helper()
	for _, i := range l.instances {
		if n := i.stops(); n > 1 {
			l.t.Errorf("%s was stopped %d times", i.name, n)
		}
	}
}

// tell prints what led to a failure.
func (l *life) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Logf("-deploy.seed plays it again; this happened:\n  %s", strings.Join(l.happened, "\n  "))
}

// stops counts how often the process was told to stop.
func (i *instance) stops() int { return i.w.count("stop "+i.name, "stop "+i.name+" held") }

func (i *instance) activated() bool { return i.w.count("activate "+i.name) > 0 }

func (w *world) count(lines ...string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, line := range w.happened {
		for _, want := range lines {
			if line == want {
				n++
			}
		}
	}
	return n
}

// slowDown makes Stop wait for hurry.
func (i *instance) slowDown() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.slow != nil {
		return false
	}
	i.slow = make(chan struct{})
	return true
}

func (i *instance) hurry() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.slow != nil {
		select {
		case <-i.slow:
		default:
			close(i.slow)
		}
	}
}
