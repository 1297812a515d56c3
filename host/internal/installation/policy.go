package installation

// Policy says which updates are installed without anybody's asking, and when.
type Policy struct {
	Auto Auto
	// Window is when they may be installed; the zero value is always.
	Window Window
}

// Auto is which updates are installed without anybody's asking: update.auto. Never any to
// another major version, to permissions that nobody has granted, or of another publisher.
type Auto string

// The choices; the zero value counts as AutoOff.
const (
	AutoOff   Auto = "off"   // none
	AutoPatch Auto = "patch" // the first two numbers of the version stay
	AutoMinor Auto = "minor" // the first number stays; of a version 0.x the first two
	AutoAll   Auto = "all"   // as minor, to beta releases too, and with others that are new
)
