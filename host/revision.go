package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Revision names what is decided about the extension and what there is of it: its file,
// version and digest, whether it is enabled, the kept versions and the pin, permissions,
// what waits for consent or to take over. It is another one when any of that has changed;
// states and processes, which change by themselves, do not count.
func (e Extension) Revision() string {
	sum := sha256.New()
	add := func(kind string, values ...any) { _, _ = fmt.Fprintf(sum, "%s %q\n", kind, values) } // a hash takes everything
	add("row", e.ID, e.Claims, e.File, e.Version, e.Digest, fmt.Sprint(e.Enabled))
	for _, p := range e.Permissions {
		add("asks", p)
	}
	for _, v := range e.Versions {
		add("kept", v.Digest, fmt.Sprint(v.Current, v.Pinned))
	}
	for _, g := range e.Grants {
		add("granted", g.Permission)
	}
	for _, g := range e.Denied {
		add("denied", g.Permission)
	}
	if e.Consent != nil {
		add("waits", e.Consent.Digest)
		for _, n := range e.Consent.Needs {
			add("needs", string(n.Kind), n.What)
		}
	}
	if e.Candidate != nil {
		add("candidate", e.Candidate.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}
