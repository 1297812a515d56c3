package host

import "time"

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

// Job returns the job with this name. Those that are over are kept for a while.
func (h *Host) Job(name string) (Job, bool) { return Job{}, false }
