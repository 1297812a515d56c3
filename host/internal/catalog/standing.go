package catalog

import (
	"fmt"
	"maps"
	"slices"
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
	// Waiting are those of Rejected that were never tried: nobody has consented to what
	// they ask for.
	Waiting []string

	// loading says that the pin is on its way from private storage.
	loading bool
}

// Passed is a bundle in the folder that is passed over because it was rejected, or waits.
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
	c.mu.Lock()
	view := c.view
	c.mu.Unlock()
	var ids []string
	for _, e := range view.Desired {
		if !e.Disabled && slices.Contains(e.Needs, id) {
			ids = append(ids, e.ID())
		}
	}
	return ids
}

// remember reads the standing anew. It is called before each resolve.
func (c *Catalog) remember() {
	if c.cfg.Standing != nil {
		c.standing = c.cfg.Standing()
	}
}

// ranFrom returns the id whose current version came from the file with a name.
func (c *Catalog) ranFrom(name string) string {
	for _, id := range slices.Sorted(maps.Keys(c.standing)) {
		if st := c.standing[id]; st.File == name && st.Current != "" {
			return id
		}
	}
	return ""
}

// expected tells folder what was in it, and on which device it was.
func (c *Catalog) expected() (device string, files []string) {
	for _, st := range c.standing {
		if st.File != "" {
			files = append(files, st.File)
		}
	}
	return c.cfg.Device(), files
}

// rememberDevice notes on which device the folder is, once it is believed.
func (c *Catalog) rememberDevice() {
	if c.cfg.Device == nil {
		return
	}
	if device := deviceText(c.folder.dev); c.cfg.Device() != device {
		c.cfg.SetDevice(device)
	}
}

func deviceText(dev uint64) string { return fmt.Sprintf("dev:%d", dev) }
