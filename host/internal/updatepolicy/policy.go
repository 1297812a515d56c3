// Package updatepolicy says which updates come by themselves, and when: update.auto and
// update.window. Policy.Judge answers the one, Window the other. Nothing here does anything.
package updatepolicy

import (
	"cmp"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

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

// Automatic reports whether any update comes by itself.
func (p Policy) Automatic() bool { return p.Auto != AutoOff && p.Auto != "" }

// Judge says whether an update comes by itself, and why not. needs is how many consents it
// waits for.
func (p Policy) Judge(from, to string, needs int) (bool, string) {
	a, err1 := bundle.ParseVersion(from)
	b, err2 := bundle.ParseVersion(to)
	same := 0 // how many of the first numbers have to stay
	switch p.Auto {
	case AutoPatch:
		same = 2
	case AutoMinor, AutoAll:
		same = 1
		if number(from, 0) == "0" {
			same = 2
		}
	default:
		return false, "updates are installed when somebody asks for them (update.auto=off)"
	}
	for n := range same {
		if err1 != nil || err2 != nil || number(from, n) != number(to, n) {
			return false, "it goes further than update.auto=" + string(p.Auto) + " allows"
		}
	}
	switch {
	case b.Compare(a) <= 0:
		return false, "it is no higher version"
	case needs > 0:
		return false, "it needs consent"
	}
	return true, ""
}

// number is one of the dotted numbers of a version, without leading zeros; missing ones are 0.
func number(version string, n int) string {
	core, _, _ := strings.Cut(version, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if n >= len(parts) {
		return "0"
	}
	return cmp.Or(strings.TrimLeft(parts[n], "0"), "0")
}
