package catalog

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// publish resolves what the files hold and gives the View out if it differs from the
// last one.
func (c *Catalog) publish(now time.Time, changed func(View)) {
	if !c.published && !c.complete(now) {
		return
	}
	view := c.resolve()
	c.date(view.Rows)
	if !c.published || !sameView(view, c.view) {
		c.tell(view.Rows)
		c.keep(view)
		changed(view)
	}
	if c.untidy && c.lanes.idle() && c.err == nil && c.allJudged() {
		c.untidy = false
		c.shelf.collect(c.inUse())
	}
}

// complete reports that the first look at the folder has come to an end.
func (c *Catalog) complete(now time.Time) bool {
	if c.err != nil || now.Sub(c.started) > firstLookMax {
		return true
	}
	for _, f := range c.files {
		if f.first && f.verdict == nil && f.seen.size > 0 {
			return false
		}
	}
	return c.looked
}

// resolve makes a View of the files as they are known now.
func (c *Catalog) resolve() View {
	var candidates []*candidate
	origin := map[*candidate]*accepted{}
	add := func(f *dropped, a *accepted, earlier bool) {
		n := a.candidate(f.name, earlier)
		candidates = append(candidates, n)
		origin[n] = a
	}
	view := View{Err: c.err}
	for _, f := range c.files {
		if f.accepted != nil {
			add(f, f.accepted, false)
		}
		if e := f.earlier; e != nil && c.running[e.manifest().ID] == e.digest {
			add(f, e, true)
		}
		if row, ok := f.row(); ok {
			view.Rows = append(view.Rows, row)
		}
	}
	out := resolve(candidates, c.running)
	for _, d := range out.desired {
		view.Desired = append(view.Desired, c.entry(d, origin[d.candidate]))
	}
	for refused, why := range out.refusals {
		view.Rows = append(view.Rows, Row{
			File: refused.file, Claims: refused.manifest.ID, Manifest: refused.manifest, Digest: refused.digest,
			State: why.state, Reason: lifecycle.Reasonf(lifecycle.StageManifest, why.code, "%s", why.message),
		})
	}
	slices.SortFunc(view.Rows, func(a, b Row) int { return cmp.Compare(a.File, b.File) })
	return view
}

func (a *accepted) candidate(file string, earlier bool) *candidate {
	return &candidate{
		file: file, digest: a.digest, manifest: a.manifest(), name: a.name, requests: a.requests,
		modTime: a.modTime, earlier: earlier, fault: a.fault,
	}
}

func (c *Catalog) entry(d choice, a *accepted) Entry {
	tree := filepath.Join(a.dir, treeName)
	name, _ := a.verified.Executable(c.cfg.GOOS, c.cfg.GOARCH) // without one it was refused
	return Entry{
		File: d.file, Bundle: a.verified,
		Dir: a.dir, Tree: tree, Executable: filepath.Join(tree, filepath.FromSlash(name)),
		ModTime: a.modTime, Seen: a.seen,
		Warnings: slices.Concat(a.verified.Warnings(), d.warnings),
	}
}

// date gives a reason that holds since an earlier View the time of that View.
func (c *Catalog) date(rows []Row) {
	for i, row := range rows {
		if was, ok := c.reasons[row.File]; ok && sameReason(was, row) {
			rows[i].Reason = was.Reason
		}
	}
}

// tell logs and counts what is new about files that were turned away.
func (c *Catalog) tell(rows []Row) {
	for _, row := range rows {
		if was, ok := c.reasons[row.File]; ok && sameReason(was, row) && was.Digest == row.Digest {
			continue
		}
		if row.State == lifecycle.Pending && row.Reason.Code == lifecycle.CodeCopying {
			continue
		}
		c.metrics.turnedAway(row)
		c.cfg.Log.Warn("a bundle in the extensions folder does not run", "file", row.File, "ext", row.Claims,
			"state", row.State, "code", row.Reason.Code, "reason", row.Reason.Message)
	}
}

// keep makes a View the last one.
func (c *Catalog) keep(view View) {
	c.mu.Lock()
	c.view = view
	c.mu.Unlock()
	c.published = true
	clear(c.running)
	desired := map[string]bool{}
	for _, e := range view.Desired {
		c.running[e.ID()] = e.Bundle.Digest()
		desired[e.Bundle.Digest()] = true
	}
	clear(c.reasons)
	for _, row := range view.Rows {
		c.reasons[row.File] = row
	}
	for _, f := range c.files {
		// What ran from a file is let go when something in its place runs, or when
		// it does not run any more.
		if f.accepted != nil && f.earlier != nil && (desired[f.accepted.digest] || !desired[f.earlier.digest]) {
			f.earlier = nil
		}
	}
}

// allJudged reports that it is known of every file which bundle it holds, if any.
func (c *Catalog) allJudged() bool {
	for _, f := range c.files {
		if f.verdict == nil && f.seen.size > 0 {
			return false
		}
	}
	return true
}

// inUse lists the digests that the folder, or what runs, refers to.
func (c *Catalog) inUse() map[string]bool {
	used := map[string]bool{}
	for _, f := range c.files {
		for _, a := range []*accepted{f.accepted, f.earlier} {
			if a != nil {
				used[a.digest] = true
			}
		}
	}
	for _, digest := range c.running {
		used[digest] = true
	}
	return used
}

func sameView(a, b View) bool {
	return errorText(a.Err) == errorText(b.Err) &&
		slices.EqualFunc(a.Desired, b.Desired, sameEntry) &&
		slices.EqualFunc(a.Rows, b.Rows, func(a, b Row) bool {
			return a.File == b.File && a.Claims == b.Claims && a.Digest == b.Digest && sameReason(a, b)
		})
}

func sameEntry(a, b Entry) bool {
	return a.File == b.File && a.Bundle == b.Bundle && a.Dir == b.Dir &&
		a.ModTime.Equal(b.ModTime) && slices.Equal(a.Warnings, b.Warnings)
}

func sameReason(a, b Row) bool {
	return a.State == b.State && a.Reason.Code == b.Reason.Code &&
		a.Reason.Stage == b.Reason.Stage && a.Reason.Message == b.Reason.Message
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
