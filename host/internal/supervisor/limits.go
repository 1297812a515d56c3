package supervisor

import (
	"fmt"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/sandbox"
)

// sampleEvery is how often the host looks at what processes take, where the kernel
// does not: an extension can pass its limits for that long.
const sampleEvery = 500 * time.Millisecond

// rules are the limits of the extension.
func (i *Instance) rules() sandbox.Rules {
	s := i.spec.Settings
	return sandbox.Rules{Memory: s.Memory, Processes: s.Processes, Files: s.Files}
}

// Limits are what the extension may use, and who sees to it.
func (i *Instance) Limits() sandbox.Limits { return i.rules().Hold(i.s.groups != nil) }

// newGroup makes the cgroup of a process, nil where the host looks itself or there is
// nothing to limit.
func (i *Instance) newGroup(number int64) (*sandbox.Group, error) {
	r := i.rules()
	if i.s.groups == nil || r.Memory <= 0 && r.Processes <= 0 {
		return nil, nil
	}
	return i.s.groups.New(i.spec.ID+"-"+strconv.FormatInt(number, 10), r)
}

// openGroups finds out who sees to limits, and tells.
func (s *Supervisor) openGroups() {
	groups, err := sandbox.Open()
	if err != nil {
		s.cfg.Log.Debug("limits of memory and processes are kept by looking from time to time", "because", err)
		return
	}
	s.groups = groups
	s.cfg.Log.Info("limits of memory and processes are kept by the kernel, in cgroups")
}

// watchLimits looks at the processes of extensions with limits until stop is closed.
func (s *Supervisor) watchLimits(stop <-chan struct{}) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			s.keepLimits()
		}
	}
}

// keepLimits looks once. Where no extension has limits it costs nothing.
func (s *Supervisor) keepLimits() {
	var limited []*Instance
	s.mu.Lock()
	for i := range s.instances {
		if r := i.rules(); r.Memory > 0 || r.Processes > 0 {
			limited = append(limited, i)
		}
	}
	s.mu.Unlock()
	if len(limited) == 0 || s.groups != nil {
		return
	}
	groups, err := sandbox.Processes()
	if err != nil {
		s.cfg.Log.Warn("looking at what extensions take", "error", err)
		return
	}
	for _, i := range limited {
		i.mu.Lock()
		c := i.held
		i.mu.Unlock()
		if c != nil {
			i.keepWithin(c, groups[c.proc.pid])
		}
	}
}

// keepWithin ends what is over the limits: the newest processes, or all of them when
// they hold too much memory.
func (i *Instance) keepWithin(c *child, group []sandbox.Process) {
	r := i.rules()
	if r.Processes > 0 {
		if ended := sandbox.EndSurplus(c.proc.pid, group, r.Processes); ended > 0 {
			c.log.Warn("an extension has more processes than limits.processes allows, the newest are ended", "limit", r.Processes, "ended", ended)
		}
	}
	if resident := sandbox.Resident(group); r.Memory > 0 && resident > r.Memory {
		text := fmt.Sprintf("it holds %d bytes of memory, more than the %d of limits.memory, and was ended", resident, r.Memory)
		c.overuse.CompareAndSwap(nil, &text)
		c.proc.kill()
	}
}

// overused says why a process was ended for what it took, "" if it was not.
func (c *child) overused() string {
	if text := c.overuse.Load(); text != nil {
		return *text
	}
	if c.group != nil && c.group.OutOfMemory() {
		return "it needed more memory than limits.memory allows, and the kernel has ended it"
	}
	return ""
}
