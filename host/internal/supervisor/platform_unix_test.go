//go:build unix && !linux

package supervisor

import (
	"errors"
	"os"
	"testing"
)

func processState(int) (byte, error) { return 0, errors.ErrUnsupported }

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func leakDescriptor(*testing.T) {}
