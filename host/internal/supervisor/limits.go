package supervisor

import "github.com/jackfield-host/jackfield/host/internal/sandbox"

// Limits are what the extension may use, and who sees to it.
func (i *Instance) Limits() sandbox.Limits { return sandbox.Limits{} }
