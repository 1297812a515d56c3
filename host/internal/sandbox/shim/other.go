//go:build !linux || (!amd64 && !arm64)

package shim

import (
	"fmt"
	"runtime"
)

// Enter returns no Program: there is no shim here.
func Enter() Program { return Program{} }

// Trial says that nothing can be asked for.
func Trial(Program, uint32, func(Policy) error) (Able, error) {
	return unable(fmt.Errorf("extensions are confined on Linux only, on amd64 and arm64; this is %s on %s", runtime.GOOS, runtime.GOARCH)), nil
}
