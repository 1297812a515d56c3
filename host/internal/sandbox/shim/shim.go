// Package shim is what stands between the fork of an extension's process and its
// executable: a second run of the host's own program that gives away what the process
// must not have, and then becomes the executable. The pid stays the same.
//
// A program that hosts extensions calls Enter first thing in main. In the second run
// Enter never returns; otherwise it returns the Program that a host is given, so that a
// host cannot be told to start a program as its shim that is none.
//
// The host's half is a Link: it carries the Policy to the shim and brings back either
// nothing, because the executable runs, or the Failure: the step and the error number.
// Trial asks the machine, by trying, what a Policy can ask for here.
//
// What is promised:
//
//   - Every part of a Policy is applied, or the executable is not executed.
//   - Nothing of the Policy can be seen by the executable: not in its arguments, its
//     environment or its descriptors.
//   - The process ends with the host, also when the host ends in the middle of this.
package shim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
)

// Program is proof that the running program has called Enter. The zero value is none.
type Program struct{ entered bool }

// Entered reports whether p is a program that can be started as a shim.
func (p Program) Entered() bool { return p.entered }

// Policy is what one process is confined to.
type Policy struct {
	// Host is the pid of the host: without it as its parent the process ends.
	Host int `json:"host"`
	// Args are the arguments of the executable, with its name.
	Args []string `json:"args"`
	// Inherit is how many descriptors from 3 on the executable keeps.
	Inherit int `json:"inherit"`
	// Limits are set both softly and hard, by the kernel's number of each resource.
	Limits []Limit `json:"limits"`
	// User is the uid and gid of the process, 0 for those of the host.
	User uint32 `json:"user"`
	// Sweep ends every process of User, and executes nothing.
	Sweep bool `json:"sweep,omitempty"`
	// Files says what of the file system can be reached, nil for all. It takes Landlock.
	Files *Files `json:"files"`
	// Filter refuses system calls, among them all that lead into a network.
	Filter bool `json:"filter"`
}

// Limit is one resource limit.
type Limit struct {
	Resource int    `json:"resource"`
	Value    uint64 `json:"value"`
}

// Files is what of the file system can be reached. Read, Write and Sockets are folders,
// with all below them, or files; what is not there is left out. The executable itself
// can be read and executed.
type Files struct {
	Read    []string `json:"read"`
	Write   []string `json:"write"`   // read, written, made and removed, never executed
	Devices []string `json:"devices"` // read and written, not removed
	Execute []string `json:"execute"` // read and executed: the loader of a dynamic executable
}

// MaxPolicy bounds a Policy in JSON, in bytes.
const MaxPolicy = 64 << 10

// check reports what is wrong with p.
func (p *Policy) check() error {
	switch {
	case p.Host <= 0:
		return errors.New("no pid of the host")
	case len(p.Args) == 0 && !p.Sweep:
		return errors.New("no arguments")
	case p.Sweep && p.User == 0:
		return errors.New("processes of the host's own user are not ended")
	case p.Inherit < 0 || p.Inherit > 64:
		return fmt.Errorf("%d inherited descriptors", p.Inherit)
	case p.User > 1<<31-1:
		return fmt.Errorf("uid %d", p.User)
	}
	for _, arg := range p.Args {
		if bytes.IndexByte([]byte(arg), 0) >= 0 {
			return errors.New("an argument holds a zero byte")
		}
	}
	for _, l := range p.Limits {
		if l.Resource < 0 || l.Resource > 15 {
			return fmt.Errorf("resource %d", l.Resource)
		}
	}
	if p.Files == nil {
		return nil
	}
	for _, list := range [][]string{p.Files.Read, p.Files.Write, p.Files.Devices, p.Files.Execute} {
		for _, path := range list {
			if !filepath.IsAbs(path) || bytes.IndexByte([]byte(path), 0) >= 0 {
				return fmt.Errorf("the path %q is not absolute", path)
			}
		}
	}
	return nil
}

// encode writes p as the shim reads it.
func (p *Policy) encode() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(p)
	if err == nil && len(data) > MaxPolicy {
		err = fmt.Errorf("it has %d bytes, %d at most", len(data), MaxPolicy)
	}
	return data, err
}

// decodePolicy reads what encode wrote, and nothing else.
func decodePolicy(data []byte) (Policy, error) {
	var p Policy
	if err := decodeStrictly(data, &p); err != nil {
		return Policy{}, err
	}
	return p, p.check()
}

func decodeStrictly(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows")
	}
	return nil
}

// Failure says at which step a shim gave up, and why.
type Failure struct {
	Step  Step   `json:"step"`
	What  string `json:"what,omitempty"` // a path or a number
	Errno int    `json:"errno,omitempty"`
	Text  string `json:"text,omitempty"` // where there is no error number
}

// Step is one thing that a shim does.
type Step string

// The steps, in their order. The set is closed.
const (
	StepPolicy   Step = "policy"       // reading what it is to do
	StepParent   Step = "parent"       // ending with the host
	StepLimits   Step = "limits"       // resource limits
	StepRuleset  Step = "ruleset"      // gathering what of the file system can be reached
	StepBounding Step = "bounding"     // no capability can come back
	StepUser     Step = "user"         // a user of its own
	StepGive     Step = "capabilities" // no capability is left
	StepNoNew    Step = "no_new_privs" // no exec gives any
	StepClose    Step = "descriptors"  // nothing is inherited but what is meant to be
	StepFiles    Step = "files"        // Landlock
	StepFilter   Step = "filter"       // seccomp
	StepExec     Step = "exec"         // becoming the executable
	StepSweep    Step = "sweep"        // ending the processes of a user
)

// Error is part of error.
func (f *Failure) Error() string {
	text := f.Text
	if f.Errno != 0 {
		text = syscall.Errno(f.Errno).Error()
	}
	doing := map[Step]string{
		StepPolicy: "reading the policy", StepParent: "binding it to the host's life", StepLimits: "setting a limit",
		StepRuleset: "preparing what it may reach of the file system", StepBounding: "shutting out capabilities",
		StepUser: "giving it a user of its own", StepGive: "taking its capabilities", StepNoNew: "keeping it from new privileges",
		StepClose: "closing descriptors", StepFiles: "confining it to its files", StepFilter: "filtering its system calls",
		StepExec: "executing the executable", StepSweep: "ending what it has left",
	}[f.Step]
	if doing == "" {
		doing = "step " + string(f.Step)
	}
	if f.What != "" {
		doing += " (" + f.What + ")"
	}
	return doing + ": " + text
}

// Unwrap is the error number of the executable; those of other steps are not about it.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 || f.Step != StepExec {
		return nil
	}
	return syscall.Errno(f.Errno)
}

// aboutToExec is what a shim says before its last step.
const aboutToExec = "exec\n"

// readReport understands all that a shim has said until its descriptor was closed: nil
// when it has become the executable.
func readReport(said []byte) error {
	rest, begun := bytes.CutPrefix(said, []byte(aboutToExec))
	if begun && len(rest) == 0 {
		return nil
	}
	if len(rest) == 0 {
		return errors.New("the process ended before it could be confined, without a word")
	}
	var f Failure
	if err := decodeStrictly(rest, &f); err != nil || f.Step == "" {
		return fmt.Errorf("the process was not confined, and says something that is no report (%d bytes)", len(said))
	}
	return &f
}

// Able says what a Policy can ask for on this machine, by this host. The errors say why
// not; nil is yes.
type Able struct {
	// Confine is nil when there is a shim at all.
	Confine error
	// Landlock is the version of its interface, 0 when there is none because of Files.
	Landlock int
	Files    error
	Filter   error
	User     error
}

// unable says that nothing can be asked for.
func unable(why error) Able { return Able{Confine: why, Files: why, Filter: why, User: why} }
