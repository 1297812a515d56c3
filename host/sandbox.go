package host

import (
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
)

// Program is the running program, which a host starts a second time to confine the
// processes of extensions. Only Shim returns one.
type Program = shim.Program

// Shim must be the first thing that the main of a program with a Host does. In the
// process of an extension that is about to be confined it does that and never returns.
// Else it returns the Program for Config.Shim. docs/sandbox.md says what it holds.
func Shim() Program { return shim.Enter() }

// Sandbox is what is asked of the sandbox: SandboxAuto, SandboxStrict or SandboxOff.
type Sandbox = confine.Mode

// The values of Settings.Sandbox.
const (
	SandboxAuto   = confine.Auto   // what machine and privileges allow; what does not hold is said
	SandboxStrict = confine.Strict // all of it, or the extension does not run
	SandboxOff    = confine.Off
)

// Protection is one thing that confines the process of an extension.
type Protection = confine.Protection

// Users are the uids that extensions get, which no account may have.
type Users = confine.Users

// DefaultUsers returns those of a host of which the configuration says nothing.
func DefaultUsers() Users { return confine.DefaultUsers() }
