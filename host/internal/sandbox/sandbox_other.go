//go:build !linux

package sandbox

import "errors"

// ErrNoCgroup says that the host has no cgroup that it may divide.
var ErrNoCgroup = errors.New("there are no cgroups on this system")

// Groups does not exist here.
type Groups struct{}

// Open fails here.
func Open() (*Groups, error) { return nil, ErrNoCgroup }

// New fails here.
func (g *Groups) New(string, Rules) (*Group, error) { return nil, ErrNoCgroup }

// Group does not exist here.
type Group struct{}

// FD is not called here.
func (g *Group) FD() int { return -1 }

// Kill is not called here.
func (g *Group) Kill() error { return ErrNoCgroup }

// OutOfMemory is not called here.
func (g *Group) OutOfMemory() bool { return false }

// Close is not called here.
func (g *Group) Close() error { return nil }

// SetFiles does nothing here.
func SetFiles(int, int) error { return nil }

// Process is a process.
type Process struct {
	PID, Group int
	Resident   int64
	Started    uint64
}

// Processes finds none here: nobody sees to limits of memory and processes.
func Processes() (map[int][]Process, error) { return nil, nil }

// Resident is what the processes hold together.
func Resident([]Process) int64 { return 0 }

// EndSurplus does nothing here.
func EndSurplus(int, []Process, int) int { return 0 }
