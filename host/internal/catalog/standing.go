package catalog

import (
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// Standing is what is remembered of an extension beside its files: what administrators
// decided about it, and how its versions did. Digests are "sha256:…", "" for none.
type Standing struct {
	// Disabled says that it must not run, Note why, for people.
	Disabled bool
	Note     string
	// Pinned is the only bundle that may run while a file of the id is in the folder.
	Pinned string
	// Current is the bundle that was healthy last, and File the name it had in the
	// folder.
	Current, File string
	// Rejected are bundles that did not take over from Current. They are passed over
	// as long as another bundle of the id can run.
	Rejected []string
}

// Passed is a bundle in the folder that is passed over because it was rejected.
type Passed struct{ File, Digest, Version string }

// Wake says that what Config.Standing or Config.Kept returns has changed. It may be
// called from anywhere and never blocks.
func (c *Catalog) Wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// Dependents returns the ids of the desired extensions that are not disabled and whose
// manifest requires id, sorted.
func (c *Catalog) Dependents(id string) []string {
	return nil
}

// Fault is why a bundle cannot run on this host, whatever else is in the folder.
type Fault struct {
	State         lifecycle.State
	Code, Message string
}
