package catalog

import (
	"context"
	"slices"
	"sync"
)

// bigFile divides the two lanes. A bundle below it is judged in well under a second.
const bigFile = 32 << 20

// job is one file, or one bundle on the shelf, that waits for its judgement or has one.
type job struct {
	name   string
	want   sighting
	digest string             // of a bundle on the shelf; name is empty then
	cancel context.CancelFunc // set when it is under way
	lane   int
}

// judgement is what became of a job.
type judgement struct {
	job *job
	verdict
}

// lanes judge at most two files at once, which bounds memory: one lane takes small
// files only, the other big ones first. So neither a 512 MiB file nor any number of
// them keeps a small one waiting, nor the other way round. Within a lane the smallest
// goes first. All methods belong to one goroutine.
type lanes struct {
	judge func(ctx context.Context, name string, want sighting) verdict
	fetch func(ctx context.Context, digest string) verdict
	// done delivers the judgements. It never blocks a lane.
	done chan judgement

	ctx    context.Context // of Run, until wait
	queue  []*job
	busy   [2]*job
	flying sync.WaitGroup
}

const (
	smallLane = iota
	bigLane
)

func (l *lanes) start(ctx context.Context) {
	l.ctx = ctx
	l.done = make(chan judgement, len(l.busy))
}

// wait returns when no judgement is under way; the context of start has ended.
func (l *lanes) wait() { l.flying.Wait() }

// add puts a file in line.
func (l *lanes) add(name string, want sighting) *job {
	return l.enqueue(&job{name: name, want: want})
}

// load puts a bundle on the shelf in line.
func (l *lanes) load(digest string, size int64) *job {
	return l.enqueue(&job{digest: digest, want: sighting{size: size}})
}

func (l *lanes) enqueue(j *job) *job {
	l.queue = append(l.queue, j)
	l.dispatch()
	return j
}

// drop forgets a job, because its file changed or went away. When it is under way it
// is told to end, and its judgement still comes.
func (l *lanes) drop(j *job) {
	if j.cancel != nil {
		j.cancel()
		return
	}
	l.queue = slices.DeleteFunc(l.queue, func(q *job) bool { return q == j })
}

// landed must be called with every judgement received from done.
func (l *lanes) landed(j *job) {
	j.cancel()
	l.busy[j.lane] = nil
	l.dispatch()
}

// idle reports that nothing is being judged or waits for it.
func (l *lanes) idle() bool {
	return len(l.queue) == 0 && l.busy[smallLane] == nil && l.busy[bigLane] == nil
}

func (l *lanes) dispatch() {
	for lane := range l.busy {
		if l.busy[lane] != nil {
			continue
		}
		j := l.pick(lane)
		if j == nil {
			continue
		}
		ctx, cancel := context.WithCancel(l.ctx)
		j.cancel, j.lane = cancel, lane
		l.busy[lane] = j
		l.flying.Go(func() {
			l.done <- judgement{job: j, verdict: l.run(ctx, j)}
		})
	}
}

func (l *lanes) run(ctx context.Context, j *job) verdict {
	if j.digest != "" {
		return l.fetch(ctx, j.digest)
	}
	return l.judge(ctx, j.name, j.want)
}

// pick takes the next job for a lane out of the queue, nil if there is none.
func (l *lanes) pick(lane int) *job {
	best := -1
	for i, j := range l.queue {
		if lane == smallLane && j.want.size >= bigFile {
			continue
		}
		if best < 0 || before(lane, j, l.queue[best]) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	j := l.queue[best]
	l.queue = slices.Delete(l.queue, best, best+1)
	return j
}

func before(lane int, a, b *job) bool {
	bigA, bigB := a.want.size >= bigFile, b.want.size >= bigFile
	if lane == bigLane && bigA != bigB {
		return bigA
	}
	return a.want.size < b.want.size
}
