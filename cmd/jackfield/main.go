// Jackfield is a host for server extensions. See docs/host.md, or run
// `jackfield --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/jackfield-host/jackfield/cmd/internal/root"
	"github.com/jackfield-host/jackfield/host"
)

// version is set by the linker: -ldflags "-X main.version=1.2.3". It has the form
// of an extension's version, because extension_min_host is compared with it.
var version = "0.1.0-dev"

func main() {
	p := root.Program{Shim: host.Shim(), Version: version} // before all else: this may be a process that is to be confined
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the second ends the process at once.
	context.AfterFunc(ctx, stop)
	code := root.Run(ctx, p, os.Args[1:], root.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
