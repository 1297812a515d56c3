package installation

import "time"

// Policy says when repositories are asked for updates, and which of them are installed
// without anybody's asking.
type Policy struct {
	// Check is the time between two checks, 0 for never; each is put off by up to a tenth of
	// it, at random.
	Check time.Duration
	Auto  Auto
	// Window is when updates may be installed; the zero value is always.
	Window Window
}

// Auto is which updates are installed without anybody's asking: update.auto. Never any to
// another major version, to permissions that nobody has granted, or of another publisher.
type Auto string

// The choices.
const (
	AutoOff   Auto = "off"   // none
	AutoPatch Auto = "patch" // the first two numbers of the version stay
	AutoMinor Auto = "minor" // the first number stays; of a version 0.x the first two
	AutoAll   Auto = "all"   // as minor, to beta releases too, and with others that are new
)
