package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

// world is a Deployment with everything around it, whose parts do what the test says.
// Everything that happens is written down in order.
type world struct {
	t    *testing.T
	d    *Deployment
	want Want
	wake chan struct{}

	mu        sync.Mutex
	happened  []string
	instances []*instance // in the order of their launches
	dataErr   map[string]error
	held      bool
}

// inWorld runs a story. Time is synctest's.
func inWorld(t *testing.T, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, wake: make(chan struct{}, 1), dataErr: map[string]error{}}
		w.want.Settings = Settings{Probation: 30 * time.Second, Drain: 10 * time.Second, HoldQueue: 100}
		w.d = New(Config{
			Gate: w, Data: w, Journal: w, Log: slog.New(slog.DiscardHandler), Now: time.Now,
			Wake: func() {
				select {
				case w.wake <- struct{}{}:
				default:
				}
			},
		})
		story(w)
		<-w.d.Stop(t.Context())
		for _, i := range w.instances {
			if i.state() != lifecycle.Stopped {
				t.Errorf("%s is left %s", i.name, i.state())
			}
		}
		if w.isHeld() {
			t.Error("requests are left held")
		}
	})
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.happened = append(w.happened, fmt.Sprintf(format, args...))
}

// inOrder puts stops behind what else happens: they begin in goroutines of their own.
func inOrder(lines []string) []string {
	isStop := func(line string) bool { return strings.HasPrefix(line, "stop ") }
	var stops []string
	for _, line := range lines {
		if isStop(line) {
			stops = append(stops, line)
		}
	}
	slices.Sort(stops)
	return append(slices.DeleteFunc(slices.Clone(lines), isStop), stops...)
}

// expect steps until nothing moves any more and compares what happened since.
func (w *world) expect(lines ...string) {
	w.t.Helper()
	w.settle()
	w.mu.Lock()
	got := w.happened
	w.happened = nil
	w.mu.Unlock()
	if !slices.Equal(inOrder(got), inOrder(lines)) {
		w.t.Errorf("this happened:\n  %s\nand should have:\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

func (w *world) settle() {
	for {
		w.d.Step(w.want)
		w.d.Published()
		synctest.Wait()
		select {
		case <-w.wake:
		default:
			return
		}
	}
}

// serves checks who gets the requests.
func (w *world) serves(want string) {
	w.t.Helper()
	got := "nobody"
	if v := w.d.View(); v.Instance != nil {
		got = v.Instance.(*instance).name
	}
	if got != want {
		w.t.Errorf("%s serves, want %s", got, want)
	}
}

func (w *world) last() *instance { return w.instances[len(w.instances)-1] }

func (w *world) Hold(int) { w.setHeld(true); w.note("hold") }
func (w *world) Release() { w.setHeld(false); w.note("release") }

func (w *world) setHeld(held bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = held
}

func (w *world) isHeld() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held
}

func (w *world) op(name, arg string) error {
	w.note("%s %s", name, arg)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dataErr[name]
}

func (w *world) Prepare(_ context.Context, from string) error { return w.op("prepare", from) }
func (w *world) Take(_ context.Context, from string) error    { return w.op("take", from) }
func (w *world) Restore(_ context.Context, from string) error { return w.op("restore", from) }
func (w *world) Done() error                                  { return w.op("done", "") }

func (w *world) Healthy(v Version) { w.note("healthy %s", v.Digest()) }
func (w *world) NotRenewed(v Version, why *lifecycle.Reason) {
	w.note("not renewed %s: %s", v.Digest(), why.Code)
}
func (w *world) Rejected(v Version, why *lifecycle.Reason) {
	w.note("rejected %s: %s", v.Digest(), why.Code)
}
func (w *world) Note(kind string, v Version, _ string) { w.note("note %s %s", kind, v.Digest()) }

// version is a Version of the world. name is digest and, with a number, name of its
// instances.
type version struct {
	w         *world
	name      string
	exclusive bool
}

func (w *world) overlap(name string) *version   { return &version{w: w, name: name} }
func (w *world) exclusive(name string) *version { return &version{w: w, name: name, exclusive: true} }

func (v *version) Digest() string  { return v.name }
func (v *version) Exclusive() bool { return v.exclusive }

func (v *version) Launch(held bool, tries int) Instance {
	i := &instance{w: v.w, name: fmt.Sprintf("%s#%d", v.name, len(v.w.instances)+1), held: held, renew: v.w.want.Renew}
	i.status.State = lifecycle.Starting
	v.w.instances = append(v.w.instances, i)
	what := "launch"
	if held {
		what = fmt.Sprintf("launch held, %d tries,", tries)
	}
	v.w.note("%s %s", what, i.name)
	return i
}

// instance is a process that does what the test says.
type instance struct {
	w    *world
	name string
	held bool
	// renew is what was wanted when it was launched: what it may do.
	renew uint64

	mu     sync.Mutex
	status supervisor.Status
	slow   chan struct{} // Stop waits for it
}

func (i *instance) Status() supervisor.Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.status
}

func (i *instance) state() lifecycle.State { return i.Status().State }

func (i *instance) set(change func(*supervisor.Status)) {
	i.mu.Lock()
	change(&i.status)
	i.mu.Unlock()
	i.w.d.cfg.Wake()
}

func (i *instance) prepared() { i.set(func(st *supervisor.Status) { st.Prepared = true }) }
func (i *instance) running() {
	i.set(func(st *supervisor.Status) { st.State, st.Prepared = lifecycle.Running, false })
}

func (i *instance) fail(state lifecycle.State, code string) {
	i.set(func(st *supervisor.Status) {
		st.State, st.Prepared, st.Reason = state, false, lifecycle.Reasonf(lifecycle.StageRuntime, code, "it did")
	})
}

func (i *instance) Activate() { i.w.note("activate %s", i.name) }
func (i *instance) Retry()    { i.w.note("retry %s", i.name) }

func (i *instance) Stop(ctx context.Context) {
	held := ""
	if i.w.isHeld() {
		held = " held"
	}
	i.w.note("stop %s%s", i.name, held)
	i.mu.Lock()
	slow := i.slow
	i.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
		}
	}
	i.set(func(st *supervisor.Status) { st.State, st.Prepared = lifecycle.Stopped, false })
}
