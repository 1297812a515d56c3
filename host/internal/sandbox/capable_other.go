//go:build !linux

package sandbox

import "errors"

func mayChangeUsers() error { return errors.New("extensions get users of their own on Linux only") }
