package catalog

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// Action is what publishing a bundle comes to.
type Action string

// The actions.
const (
	Install   Action = "install"   // nothing of the id is there
	Upgrade   Action = "upgrade"   // from a lower version
	Downgrade Action = "downgrade" // from a higher version
	Replace   Action = "replace"   // other bytes of the same version
	Nothing   Action = "none"      // these bytes are there already
)

// Actions lists every Action.
func Actions() []Action { return []Action{Install, Upgrade, Downgrade, Replace, Nothing} }

// Planned is what would become of a bundle if it were in the folder.
type Planned struct {
	Action Action
	// From is the version of the id that is desired now, "" for none; Now is its bundle,
	// nil for none.
	From string
	Now  *bundle.Verified
	// State is starting when it would run, stopped when its extension is disabled;
	// Reason is nil for starting.
	State  lifecycle.State
	Reason *lifecycle.Reason
}

const codeDisabled = "disabled"

// Plan says what Publish would come to, and changes nothing. It speaks of the folder as
// the last resolve saw it. Who publishes consents to what the bundle asks for.
func (c *Catalog) Plan(r *Received) Planned {
	c.mu.Lock()
	in, view := c.input, c.view
	c.mu.Unlock()

	would := Planned{Action: Install}
	id := r.Manifest.ID
	if i := slices.IndexFunc(view.Desired, func(e Entry) bool { return e.ID() == id }); i >= 0 {
		now := view.Desired[i].Bundle
		would.From, would.Now = now.Manifest().Version.String(), now
		would.Action = actionOf(r.Manifest.Version.Compare(now.Manifest().Version))
		if now.Digest() == r.Digest {
			would.Action = Nothing
		}
	}
	if slices.ContainsFunc(in.files, func(f holding) bool { return f.accepted != nil && f.accepted.digest == r.Digest }) {
		would.Action = Nothing
	}
	if st := in.standing[id]; st.Pinned != "" && in.knows(id, st.Pinned) == nil {
		// Nothing of the id is in the folder, so the pin was not asked for yet.
		_, st.loading = c.shelf.size(st.Pinned)
		in.standing = maps.Clone(in.standing)
		in.standing[id] = st
	}
	if st := in.standing[id]; slices.Contains(st.Waiting, r.Digest) {
		st.Rejected = slices.DeleteFunc(slices.Clone(st.Rejected), func(digest string) bool { return digest == r.Digest })
		in.standing = maps.Clone(in.standing)
		in.standing[id] = st
	}
	would.State, would.Reason = in.with(fileName(r.Manifest, r.Digest), r.accepted).outcome(r)
	return would
}

func actionOf(compared int) Action {
	switch {
	case compared > 0:
		return Upgrade
	case compared < 0:
		return Downgrade
	}
	return Replace
}

// with returns the input after a file was added, or got other bytes.
func (in input) with(name string, a *accepted) input {
	now := *a
	now.modTime = time.Now()
	file := holding{name: name, claims: a.manifest().ID, accepted: &now}
	in.files = slices.Clone(in.files)
	i := slices.IndexFunc(in.files, func(f holding) bool { return f.name == name })
	switch {
	case i < 0:
		in.files = append(in.files, file)
	case in.files[i].accepted == nil || in.files[i].accepted.digest != a.digest:
		file.earlier = cmp.Or(in.files[i].earlier, in.files[i].accepted)
		in.files[i] = file
	}
	return in
}

// outcome resolves the input, in which r is, and says what becomes of r.
func (in input) outcome(r *Received) (lifecycle.State, *lifecycle.Reason) {
	candidates, _, standing := in.candidates()
	out := resolve(candidates, standing, in.running)
	id := r.Manifest.ID
	for _, d := range out.desired {
		switch {
		case d.manifest.ID != id:
		case d.digest == r.Digest && d.disabled:
			return lifecycle.Stopped, lifecycle.Reasonf(lifecycle.StageManifest, codeDisabled, "%s is disabled; `jackfield ext enable %s` starts it", id, id)
		case d.digest == r.Digest:
			return lifecycle.Starting, nil
		case slices.ContainsFunc(d.passed, func(c *candidate) bool { return c.digest == r.Digest }):
			return lifecycle.Waiting, lifecycle.Reasonf(lifecycle.StageManifest, lifecycle.CodeHeld,
				"version %s was tried and did not take over from %s, which goes on; `jackfield ext retry %s` tries it again",
				r.Manifest.Version, d.manifest.Version, id)
		}
	}
	for c, why := range out.refusals {
		if c.manifest.ID == id && c.digest == r.Digest {
			return why.state(), why.reason()
		}
	}
	return lifecycle.Starting, nil // not reached: each candidate is in one of the three
}

// maxFileName is what every file system takes.
const maxFileName = 255

// fileName is the name under which a bundle is published. A version that is too long
// for one is replaced by the beginning of the digest.
func fileName(m *bundle.Manifest, digest string) string {
	name := m.ID + "-" + m.Version.String() + bundleExt
	if len(name) <= maxFileName {
		return name
	}
	return m.ID + "-" + digestHex(digest)[:16] + bundleExt
}
