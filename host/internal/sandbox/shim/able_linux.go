//go:build amd64 || arm64

package shim

import (
	"errors"
	"fmt"
	"os"
)

// Trial finds out what a Policy can ask for: launch starts a shim under a policy, with
// an executable that can not be executed, and returns what its Link's Wait does. With
// user 0 none of its own is tried, and Able.User is nil. An error means that it could not
// be found out, for want of memory or time, say: then nothing is known.
func Trial(p Program, user uint32, launch func(Policy) error) (Able, error) {
	if !p.Entered() {
		return unable(errors.New("the program does not call host.Shim first thing in main")), nil
	}
	able := Able{}
	policy := Policy{Host: os.Getpid(), Args: []string{"trial"}, User: user, Files: &Files{}, Filter: true}
	if able.Landlock, able.Files = landlockVersion(); able.Files != nil {
		policy.Files = nil
	}
	// Each round leaves out what failed in the one before.
	for range 4 {
		err := launch(policy)
		var f *Failure
		if !errors.As(err, &f) {
			return Able{}, fmt.Errorf("trying what confines a process: %w", err)
		}
		switch f.Step {
		case StepExec:
			return able, nil
		case StepUser:
			able.User, policy.User = f, 0
		case StepRuleset, StepFiles:
			able.Files, able.Landlock, policy.Files = f, 0, nil
		case StepFilter:
			able.Filter, policy.Filter = f, false
		default:
			return Able{}, fmt.Errorf("trying what confines a process: %w", f)
		}
	}
	return Able{}, errors.New("trying what confines a process: it fails again and again")
}
