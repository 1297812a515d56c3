//go:build !linux

package doctorcmd

func (e *exam) probeKernel() {
	e.add("kernel", Note, "confinement is known on Linux only", "docs/sandbox.md says what follows from it")
}

func openFiles() uint64 { return 0 }
