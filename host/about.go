package host

import (
	"context"
	"slices"
	"time"
)

// About is what an administrator asks of the host itself. Its JSON form is the answer of
// GET /api/v1/about.
type About struct {
	Version string `json:"version"`
	Go      string `json:"go"`     // of the toolchain that built it
	OS      string `json:"os"`     // GOOS
	Arch    string `json:"arch"`   // GOARCH
	Kernel  string `json:"kernel"` // as of uname -r, empty where it is not known
	PID     int    `json:"pid"`
	// Started is when New made the host.
	Started time.Time `json:"started"`
	Home    string    `json:"home"`
	// Addresses are where the listeners listen; they are not the host's own, so whoever
	// has them fills this in.
	Addresses Addresses `json:"addresses"`

	Machine  Machine       `json:"machine"`
	Trust    TrustFacts    `json:"trust"`
	Database DatabaseFacts `json:"database"`
	Disk     Disk          `json:"disk"`
	Counts   Counts        `json:"counts"`
}

// Addresses are those of the two listeners, HOST:PORT each.
type Addresses struct {
	Requests string `json:"requests"`
	Admin    string `json:"admin"`
}

// Machine is what the host may use here, and by what it can hold extensions to limits.
type Machine struct {
	CPUs int `json:"cpus"`
	// OpenFiles is how many descriptors the host may have, 0 for unknown.
	OpenFiles uint64 `json:"open_files"`
	// LimitsBy says by what each limit of an extension is held here: cgroup, rlimit,
	// sampling or none, by the name that the limit has in a row.
	LimitsBy map[string]string `json:"limits_by"`
	// Landlock is the version of the kernel's interface, 0 for none.
	Landlock int `json:"landlock"`
	// Sandbox says of each protection whether it can hold of an extension here.
	Sandbox []Protection `json:"sandbox"`
	// Untried says why Sandbox is not known, empty when it is.
	Untried string `json:"untried,omitempty"`
}

// TrustFacts are whose signatures count here.
type TrustFacts struct {
	Policy           string `json:"policy"`
	Revocation       string `json:"revocation"`
	OnRevoked        string `json:"on_revoked"`
	RecheckInSeconds int64  `json:"recheck_seconds"`
	// Folder is where the roots are read from.
	Folder string `json:"folder"`
	Roots  []Root `json:"roots"` // never nil
	// Problems are files of the folder that are not as they should be, one sentence each.
	Problems []string `json:"problems"` // never nil
}

// Root is one certificate that is trusted.
type Root struct {
	Subject string `json:"subject"`
	// Use is bundles, or timestamps.
	Use      string    `json:"use"`
	NotAfter time.Time `json:"not_after"`
	// Fingerprint is that of the whole certificate, sha256:<hex>.
	Fingerprint string `json:"fingerprint"`
}

// DatabaseFacts are those of data/jackfield.db.
type DatabaseFacts struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"` // with its write-ahead log
	// LastBackup is when the newest backup was made, nil when there is none.
	LastBackup *time.Time `json:"last_backup"`
	Backups    int        `json:"backups"`
}

// Disk is the file system of the home.
type Disk struct {
	FreeBytes  uint64 `json:"free_bytes"` // for the host's own user
	TotalBytes uint64 `json:"total_bytes"`
}

// Counts say how much there is.
type Counts struct {
	// Extensions are those with an id of their own, Files are what never became one.
	Extensions int `json:"extensions"`
	Files      int `json:"files"`
	// States counts the rows by state.
	States map[State]int `json:"states"`
	// Types are the request types that clients can ask for.
	Types int `json:"types"`
}

// About says how the host itself is doing. What can not be found out is left at zero: it
// always answers. The first call may try, once, what the sandbox can do here, which
// starts a process for a moment.
func (h *Host) About(ctx context.Context) About { return h.about(ctx) }

// Setting is one key of the configuration and what holds of it.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Default is what holds when nobody sets it.
	Default string `json:"default"`
	// Source is default, file, environment or flag, and Place says where in it: a line
	// of the file, the name of the variable or of the flag.
	Source string `json:"source"`
	Place  string `json:"place,omitempty"`
	// Extension is the id for which the key was set, absent for the whole host.
	Extension string `json:"extension,omitempty"`
	// Doc says what the key is for, Allowed what its values may be.
	Doc     string `json:"doc"`
	Allowed string `json:"allowed"`
}

// Settings returns the keys as they hold, in the order of Config.Effective. There are no
// secrets among them: no key of the configuration is one.
func (h *Host) Settings() []Setting { return slices.Clone(h.cfg.Effective) }
