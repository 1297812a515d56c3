//go:build amd64 || arm64

package shim

import (
	"errors"
	"os"
)

// Trial finds out what a Policy can ask for: launch starts a shim under a policy, with
// an executable that can not be executed, and returns what its Link's Wait does. With
// user 0 none of its own is tried, and Able.User is nil.
func Trial(p Program, user uint32, launch func(Policy) error) Able {
	if !p.Entered() {
		return unable(errors.New("the program does not call host.Shim first thing in main"))
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
			if err == nil {
				err = errors.New("what cannot be executed was executed")
			}
			return unable(err)
		}
		switch f.Step {
		case StepExec:
			return able
		case StepUser:
			able.User, policy.User = f, 0
		case StepRuleset, StepFiles:
			able.Files, able.Landlock, policy.Files = f, 0, nil
		case StepFilter:
			able.Filter, policy.Filter = f, false
		default:
			return unable(f)
		}
	}
	return unable(errors.New("the shim fails again and again"))
}
