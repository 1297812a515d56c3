//go:build !linux

package confine

import "errors"

func mayChangeUsers() error { return errors.New("extensions get users of their own on Linux only") }
