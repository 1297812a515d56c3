//go:build unix && !linux

package supervisor

import "errors"

// readUsage has nothing to read from here: the metrics of processes are absent.
func readUsage(int) (usage, error) { return usage{}, errors.ErrUnsupported }
