package catalog

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// gate is a judge whose files stay under way until the test lets them go.
type gate struct {
	entered chan string
	leave   map[string]chan struct{}
}

func newGate(names ...string) gate {
	g := gate{entered: make(chan string, len(names)), leave: map[string]chan struct{}{}}
	for _, name := range names {
		g.leave[name] = make(chan struct{})
	}
	return g
}

func (g gate) judge(ctx context.Context, name string, _ sighting) verdict {
	g.entered <- name
	select {
	case <-g.leave[name]:
		return verdict{kind: acceptable}
	case <-ctx.Done():
		return verdict{kind: changed}
	}
}

// next takes the judgement of one file and returns the name of the one that follows it.
func (g gate) next(l *lanes, name string) string {
	close(g.leave[name])
	done := <-l.done
	l.landed(done.job)
	return <-g.entered
}

func sized(size int64) sighting { return sighting{size: size} }

func TestSmallFilesDoNotWaitForBigOnes(t *testing.T) {
	g := newGate("huge", "big", "medium", "small", "tiny")
	l := lanes{judge: g.judge}
	l.start(t.Context())
	for name, size := range map[string]int64{"big": bigFile, "huge": bigFile * 10} {
		l.add(name, sized(size))
	}
	blocked := <-g.entered // one of the two: only one at a time
	l.add("medium", sized(1000))
	if got := <-g.entered; got != "medium" {
		t.Fatalf("%s is judged beside %s", got, blocked)
	}
	l.add("small", sized(100))
	l.add("tiny", sized(1))
	if l.idle() {
		t.Error("idle with a queue")
	}
	if got := g.next(&l, "medium"); got != "tiny" { // the smallest first
		t.Errorf("after medium comes %s", got)
	}
	if got := g.next(&l, "tiny"); got != "small" {
		t.Errorf("after tiny comes %s", got)
	}
	other := map[string]string{"big": "huge", "huge": "big"}[blocked]
	if got := g.next(&l, blocked); got != other { // and big ones get their turn
		t.Errorf("after %s comes %s", blocked, got)
	}
	for _, name := range []string{"small", other} {
		close(g.leave[name])
		l.landed((<-l.done).job)
	}
	if !l.idle() {
		t.Error("not idle without a queue")
	}
	l.wait()
}

func TestDroppedJobs(t *testing.T) {
	g := newGate("a", "b", "c")
	l := lanes{judge: g.judge}
	ctx, cancel := context.WithCancelCause(t.Context())
	l.start(ctx)
	a, b := l.add("a", sized(1)), l.add("b", sized(2))
	c := l.add("c", sized(3))
	begun := []string{<-g.entered, <-g.entered}
	if slices.Contains(begun, "c") {
		t.Errorf("begun: %q", begun)
	}
	l.drop(c) // from the queue
	l.drop(a) // under way
	if done := <-l.done; done.job != a || done.kind != changed {
		t.Errorf("done: %+v", done)
	} else {
		l.landed(done.job)
	}
	cancel(errors.New("the end"))
	if done := <-l.done; done.job != b {
		t.Errorf("done: %+v", done)
	} else {
		l.landed(done.job)
	}
	l.wait()
	if !l.idle() {
		t.Error("c is still there")
	}
}
