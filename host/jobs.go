package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/events"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

const (
	// keepJobs is how many jobs are kept that are over.
	keepJobs = 200
	// jobPatience is how long a job waits for its extension to settle.
	jobPatience = 10 * time.Minute
	// jobPause is the least time between two words about the bytes that have come.
	jobPause = 100 * time.Millisecond
)

// JobState is how far a job is. The set is closed.
type JobState string

// The states. The last three are those in which a job ends, and each job ends.
const (
	JobReceiving JobState = "receiving" // the bundle comes
	JobVerifying JobState = "verifying" // it has come and is judged
	JobStarting  JobState = "starting"  // it is in the extensions folder, and on its way to run
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"   // Code and Message say why
	JobCanceled  JobState = "canceled" // whoever sent it has gone, the host stops, or another upload took its place
)

// JobStates lists every JobState.
func JobStates() []JobState {
	return []JobState{JobReceiving, JobVerifying, JobStarting, JobDone, JobFailed, JobCanceled}
}

// Ended reports whether a job in this state is over.
func (s JobState) Ended() bool { return s == JobDone || s == JobFailed || s == JobCanceled }

// Job is the installation of a bundle that was uploaded. Its JSON form is the data of the
// event "job" of the admin API.
type Job struct {
	Name  string   `json:"job"`
	State JobState `json:"state"`
	// Bytes have come of Total, which is 0 when it is not known.
	Bytes int64 `json:"bytes"`
	Total int64 `json:"total"`
	// Code and Message say why it failed or was canceled, or, of one that is done, in
	// which state other than running the extension has come to rest.
	Code    string `json:"code"`
	Message string `json:"message"`
	// ID, Version and Digest are empty until they are known.
	ID      string    `json:"id"`
	Version string    `json:"version"`
	Digest  string    `json:"digest"`
	Actor   string    `json:"actor"`
	Began   time.Time `json:"began"`
	Changed time.Time `json:"changed"`
}

// Job returns the job with this name. The last 200 of those that are over are kept, until
// the host ends.
func (h *Host) Job(name string) (Job, bool) {
	s, ok := h.feed.Get(jobKey + name)
	if !ok {
		return Job{}, false
	}
	return *s.job, true
}

// jobs are all jobs that are at work, and those that are kept.
type jobs struct {
	feed   *events.Feed[subject]
	ctx    context.Context // ends when the host stops
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex // guards what follows
	over  []string   // names, the oldest first
	ended bool       // none begins to wait any more
}

func newJobs(feed *events.Feed[subject]) *jobs {
	j := &jobs{feed: feed}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

// end cancels what is at work and waits for it.
func (j *jobs) end() {
	j.mu.Lock()
	j.ended = true
	j.mu.Unlock()
	j.cancel()
	j.work.Wait()
}

// wait runs do, unless the host has ended.
func (j *jobs) wait(do func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.ended {
		j.work.Go(do)
	}
	return !j.ended
}

// job is one that is at work. It belongs to one goroutine at a time.
type job struct {
	all  *jobs
	now  Job
	told time.Time
}

// begin begins the job of an upload.
func (j *jobs) begin(u Upload) *job {
	one := &job{all: j, now: Job{
		Name: "install-" + strings.ToLower(rand.Text()), State: JobReceiving, Total: max(u.Size, 0),
		Actor: u.Actor.Name, Began: time.Now(),
	}}
	one.tell()
	return one
}

// tell lets everybody know how the job is.
func (j *job) tell() {
	j.told = time.Now()
	j.now.Changed = j.told
	now := j.now
	j.all.feed.Set(jobKey+now.Name, subject{job: &now})
	if !now.State.Ended() {
		return
	}
	j.all.mu.Lock()
	defer j.all.mu.Unlock()
	j.all.over = append(j.all.over, now.Name)
	if len(j.all.over) > keepJobs {
		j.all.feed.Forget(jobKey + j.all.over[0])
		j.all.over = slices.Delete(j.all.over, 0, 1)
	}
}

// to brings the job to another state.
func (j *job) to(state JobState) {
	j.now.State = state
	j.tell()
}

// finish ends the job. A second end changes nothing.
func (j *job) finish(state JobState, code, message string) {
	if j.now.State.Ended() {
		return
	}
	j.now.State, j.now.Code, j.now.Message = state, code, message
	j.tell()
}

// arriving is the body of the job's upload.
type arriving struct {
	io.Reader
	job *job
	err error // but for io.EOF
}

// Read implements io.Reader.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.job.now.Bytes += int64(n)
	switch {
	case err == io.EOF && a.job.now.State == JobReceiving:
		a.job.to(JobVerifying)
	case err != nil && err != io.EOF:
		a.err = err
	case time.Since(a.job.told) >= jobPause:
		a.job.tell()
	}
	return n, err
}

// canceled is the code of a job that was given up, as that of a request.
const canceled = "canceled"

// refused ends the job of an upload that was not taken.
func (j *job) refused(ctx context.Context, body *arriving, err error) {
	var own *Error
	switch {
	case body.err != nil || ctx.Err() != nil:
		j.finish(JobCanceled, canceled, "the bundle did not arrive: whoever sent it has gone, or was too slow")
	case errors.As(err, &own):
		j.finish(JobFailed, own.Code, own.Message)
	default:
		j.finish(JobFailed, CodeInternal, "the host could not take it; its log says why")
	}
}

// stopping is why a job is canceled when the host stops.
const stopping = "the host stops; when it starts again it goes on with what is in the extensions folder"

// settle brings a job whose bundle is in the extensions folder to its end, in time.
func (h *Host) settle(j *job) {
	waits := h.jobs.wait(func() {
		ctx, cancel := context.WithTimeout(h.jobs.ctx, jobPatience)
		defer cancel()
		var end outcome
		err := h.awaitRows(ctx, func() (ok bool) {
			end, ok = h.outcomeOf(j.now.ID, j.now.Digest)
			return ok
		})
		switch {
		case err == nil:
			j.finish(end.state, end.code, end.message)
		case h.jobs.ctx.Err() != nil:
			j.finish(JobCanceled, canceled, stopping)
		default:
			j.finish(JobFailed, "deadline_exceeded", fmt.Sprintf("it has not settled within %d minutes; the host goes on", jobPatience/time.Minute))
		}
	})
	if !waits {
		j.finish(JobCanceled, canceled, stopping)
	}
}

// outcome is how the installation of a bundle has ended.
type outcome struct {
	state         JobState
	code, message string
}

// outcomeOf returns what has become of an uploaded bundle, false while that is not known.
func (h *Host) outcomeOf(id, digest string) (outcome, bool) {
	h.mu.Lock()
	latest := h.expected[id]
	h.mu.Unlock()
	switch latest {
	case digest:
	case "":
		return outcome{JobCanceled, canceled, "it was removed before it had settled"}, true
	default:
		return outcome{JobCanceled, canceled, "another upload of " + id + " has taken its place"}, true
	}
	row, settled := h.settledRow(id)
	if !settled {
		return outcome{}, false
	}
	if row.ID == "" {
		return outcome{JobCanceled, canceled, "it was removed before it had settled"}, true
	}
	if row.Digest == digest {
		return outcomeIn(row.State, row.Reason), true
	}
	if c := row.Candidate; c != nil && c.Digest == digest {
		return outcomeIn(c.State, c.Reason), true
	}
	is, _ := h.state.Extension(id)
	for _, r := range is.Rejected {
		if r.Digest == digest {
			return outcomeIn(lifecycle.Failed, reasonOf(r)), true
		}
	}
	for _, r := range *h.rows.Load() {
		if r.Claims == id && r.Digest == digest {
			return outcomeIn(r.State, r.Reason), true
		}
	}
	return outcome{JobDone, lifecycle.CodeHeld, "version " + row.Version + " goes on"}, true
}

// outcomeIn is the outcome for a version that has settled in a state.
func outcomeIn(s State, why *Reason) outcome {
	end := outcome{state: JobDone}
	switch s {
	case lifecycle.Failed, lifecycle.Backoff, lifecycle.Conflict, lifecycle.Unsupported, lifecycle.Refused:
		end.state = JobFailed
	}
	if why != nil {
		end.code, end.message = why.Code, why.Message
	}
	return end
}

// sameUpload returns the answer to an earlier upload with the key of u, nil for none.
func (h *Host) sameUpload(ctx context.Context, u Upload, digest string) (*state.Reply, error) {
	if u.Key == "" {
		return nil, nil
	}
	reply, err := h.state.Reply(ctx, u.Actor.Name, u.Key)
	if err == nil && reply != nil && reply.Digest != digest {
		return nil, &Error{
			Code: CodeConflict, Message: fmt.Sprintf("this Idempotency-Key was used for another bundle already, %s", reply.Digest),
			Hint: "take a new key for each bundle",
		}
	}
	return reply, err
}
