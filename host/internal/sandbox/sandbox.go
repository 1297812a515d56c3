// Package sandbox is what a child process may do and use. So far it names limits and
// who sees to them.
package sandbox

// By is who sees to a limit.
type By string

// The kinds of limits, the strictest first.
const (
	Cgroup   By = "cgroup"   // the kernel, for all processes of the extension together
	Rlimit   By = "rlimit"   // the kernel, for each process
	Sampling By = "sampling" // the host, which looks from time to time
	None     By = "none"     // nobody: there is no limit, or no way to keep it here
)

// Limit is one limit and who sees to it.
type Limit struct {
	Value int64
	By    By
}

// Limits are those of one extension.
type Limits struct {
	Memory    Limit // bytes
	Processes Limit
	Files     Limit // open descriptors of a process
}
