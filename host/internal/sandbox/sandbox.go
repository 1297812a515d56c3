// Package sandbox bounds what the processes of one extension may use, and says by what
// each limit is held. (What they can do at all is decided in its package confine, and
// done in its package shim.) New makes a Keeper, one for a host; Open makes a Box for each
// process that is to be launched, and whoever opened it tells it of the launch
// (Attach, Started, Settled) and closes it when the process was reaped.
//
// What is promised:
//
//   - Where the host is in a cgroup v2 that was delegated to it, each Box is a cgroup:
//     the kernel holds memory and processes, and whatever was started in it ends with
//     it, wherever it has gone.
//   - Elsewhere a look at /proc every Config.Period (500 ms) holds them: over the limit
//     of memory the process is killed with its group; beyond the limit of processes the
//     newest are killed, the extension lives. What is faster than that overshoots: by
//     what can be allocated or forked in a Period. Memory that processes share counts
//     for each of them, what is swapped out for none. A process that leaves both group and family before the first
//     look is not counted.
//   - Files are held by RLIMIT_NOFILE, and no process leaves a core file. A process that
//     runs as root may lift either again.
//   - Data are held by a look at the data folder every Config.DataPeriod (5 s), after
//     which the process is ended: what can be written in a period overshoots. No file
//     grows beyond the limit (RLIMIT_FSIZE).
//   - Holds says what is held, and by what; a limit without means says none.
//
// The files of cgroups are tested over a tree of plain files, and putting a process into
// a cgroup, killing it there and removing it with any writable cgroup2 mount. That the
// kernel enforces memory.max and pids.max and tells of it can only be seen on a machine
// whose memory and pids controllers are in v2, as on any with systemd that boots with
// the unified hierarchy:
//
//	go test -c -o /tmp/sandbox.test ./host/internal/sandbox
//	systemd-run --user --wait --pipe -p Delegate=yes /tmp/sandbox.test -test.v -test.run TestDelegated -cgroup
package sandbox

import (
	"fmt"
	"log/slog"
	"time"
)

// Limits are what the processes of one instance may use; 0 is no limit.
type Limits struct {
	Memory           int64 // bytes, all processes together
	Data             int64 // bytes in DataDir; no file that the process writes is larger
	DataDir          string
	Processes, Files int // Files is for each process
}

// By is what holds a limit.
type By string

// What limits are held by. The set is closed.
const (
	Cgroup   By = "cgroup"   // the kernel, for all processes, without overshoot
	Rlimit   By = "rlimit"   // the kernel, for each process
	Sampling By = "sampling" // a look twice a second: what goes faster overshoots
	None     By = "none"     // nothing: there is no limit, or no means
)

// Hold is one limit, 0 for none, and what it is held by.
type Hold struct {
	Value int64 `json:"value"`
	By    By    `json:"by"`
}

func hold(value int64, by By) Hold {
	if value <= 0 {
		return Hold{By: None}
	}
	return Hold{Value: value, By: by}
}

// Holds are the limits of one instance.
type Holds struct {
	Memory    Hold `json:"memory"`
	Processes Hold `json:"processes"`
	Files     Hold `json:"files"`
	Data      Hold `json:"data"`
}

// Config is what a Keeper is made from. Log is required.
type Config struct {
	Log *slog.Logger
	// Period is the time between two looks where limits are held by sampling (500 ms).
	Period time.Duration
	// DataPeriod is the time between two looks at the data folders (5 s).
	DataPeriod time.Duration
}

func (c Config) withDefaults() Config {
	if c.Period <= 0 {
		c.Period = 500 * time.Millisecond
	}
	if c.DataPeriod <= 0 {
		c.DataPeriod = 5 * time.Second
	}
	return c
}

// mebibytes is a number of bytes for people.
func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
