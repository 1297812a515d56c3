// Package sandbox is what a child process may use, and who sees to it.
//
// Where the host has a cgroup (version 2) of its own that it may divide, as systemd's
// Delegate=yes gives it, each process of an extension gets a group in there: Open finds
// the place, Groups.New makes a Group, and the process is started in it. Everywhere
// else Sampler looks from time to time at what processes take, and SetFiles sets the
// one limit that the kernel keeps for single processes.
//
// Cgroups can be tried only where one is delegated; on such a machine
//
//	systemd-run --user --scope -p Delegate=yes env JACKFIELD_TEST_CGROUPS=1 \
//		go test -run Delegated ./host/internal/sandbox
//
// runs the test over a real one. The files are tested everywhere, over a folder.
package sandbox

// By is who sees to a limit.
type By string

// The kinds of limits, the strictest first.
const (
	Cgroup   By = "cgroup"   // the kernel, for all processes of the extension together
	Rlimit   By = "rlimit"   // the kernel, for each process
	Sampling By = "sampling" // the host, which looks from time to time
	None     By = "none"     // nobody: there is no limit
)

// Rules are the limits of one extension, 0 for none.
type Rules struct {
	Memory    int64 // bytes, of all its processes together
	Processes int   // how many
	Files     int   // open descriptors of one process
}

// Limit is one limit and who sees to it.
type Limit struct {
	Value int64
	By    By
}

// Limits are those of one extension as they really hold.
type Limits struct{ Memory, Processes, Files Limit }

// Hold says who sees to the limits of r: grouped tells that there is a Group.
func (r Rules) Hold(grouped bool) Limits {
	by := func(value int64, by By) Limit {
		if value <= 0 {
			return Limit{By: None}
		}
		return Limit{Value: value, By: by}
	}
	whole := Sampling
	if grouped {
		whole = Cgroup
	}
	return Limits{
		Memory:    by(r.Memory, whole),
		Processes: by(int64(r.Processes), whole),
		Files:     by(int64(r.Files), Rlimit),
	}
}
