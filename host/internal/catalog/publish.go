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
	if !c.whole {
		if !c.complete(now) {
			return
		}
		c.whole = c.err == nil // else the folder is still to come, and its files with it
	}
	in := c.gather()
	if c.settled(in) {
		return
	}
	c.stirred = false
	c.share(in)
	view := c.resolve(in)
	c.date(view.Rows)
	if !c.published || !sameView(view, c.view) {
		c.tell(view.Rows)
		c.keep(view)
		changed(view)
	}
	c.forget()
	if c.untidy && c.lanes.idle() && c.err == nil && c.allJudged() {
		c.untidy = c.collect()
	}
}

// settled reports that a View of in would be the last one again: a look has found nothing
// new, every file is accepted, and nobody has said that something else changed. A host at
// rest looks again and again.
func (c *Catalog) settled(in input) bool {
	c.mu.Lock()
	was, unsure := c.input, c.unsure
	c.mu.Unlock()
	if !c.published || c.stirred || c.untidy || errorText(c.err) != errorText(unsure) || !in.same(was) {
		return false
	}
	return !slices.ContainsFunc(in.files, func(f holding) bool { return f.accepted == nil })
}

// share lets other goroutines see what the View is resolved from.
func (c *Catalog) share(in input) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.input, c.unsure = in, c.err
}

// complete reports that the first look at the folder has come to an end.
func (c *Catalog) complete(now time.Time) bool {
	if now.Sub(c.started) > firstLookMax {
		return true
	}
	for _, l := range c.loads {
		if l.job != nil {
			return false
		}
	}
	if c.err != nil {
		return true
	}
	for _, f := range c.files {
		if f.first && f.verdict == nil && f.seen.size > 0 {
			return false
		}
	}
	return c.looked
}

// resolve makes a View of the input, and of the files whose bytes are not accepted.
func (c *Catalog) resolve(in input) View {
	view := View{Err: c.err}
	for _, f := range c.files {
		if f.accepted == nil {
			row, event := f.row()
			row.State = c.stateAfter(f.name, event)
			view.Rows = append(view.Rows, row)
		}
	}
	candidates, origin, standing := in.candidates()
	out := resolve(candidates, standing, in.running)
	for _, d := range out.desired {
		view.Desired = append(view.Desired, c.chosen(d, origin[d.candidate], standing))
	}
	for refused, why := range out.refusals {
		view.Rows = append(view.Rows, Row{
			File: refused.file, Claims: refused.manifest.ID, Manifest: refused.manifest, Digest: refused.digest, Bundle: origin[refused].verified,
			State: c.stateAfter(refused.file, why.event), Reason: why.reason(),
		})
	}
	slices.SortFunc(view.Rows, func(a, b Row) int { return cmp.Compare(a.File, b.File) })
	return view
}

// stateAfter returns the state of a file's row after an event. A row has no process, so
// every event that a refusal has is possible in it; a file without a row begins as
// pending, whatever the process is in that ran from it.
func (c *Catalog) stateAfter(file string, event lifecycle.Event) lifecycle.State {
	was := lifecycle.Pending
	if row, ok := c.reasons[file]; ok {
		was = row.State
	}
	state, _ := was.On(event)
	return state
}

func (why *refusal) reason() *lifecycle.Reason {
	stage := lifecycle.StageManifest
	if why.event == lifecycle.Refuse {
		stage = lifecycle.StageVerify
	}
	return lifecycle.Reasonf(stage, why.code, "%s", why.message)
}

func (a *accepted) candidate(file string, earlier bool) *candidate {
	return &candidate{
		file: file, digest: a.digest, manifest: a.manifest(), name: a.name, requests: a.requests,
		modTime: a.modTime, earlier: earlier,
	}
}

func (c *Catalog) chosen(d choice, a *accepted, standing map[string]Standing) Entry {
	e := c.entry(a)
	e.File = d.file
	e.Warnings = append(e.Warnings, d.warnings...)
	if d.disabled {
		e.Disabled, e.Note = true, standing[e.ID()].Note
	}
	for _, p := range d.passed {
		e.Passed = append(e.Passed, Passed{File: p.file, Digest: p.digest, Version: p.manifest.Version.String()})
	}
	return e
}

// entry makes an Entry without a File.
func (c *Catalog) entry(a *accepted) Entry {
	tree := filepath.Join(a.dir, treeName)
	e := Entry{
		Bundle: a.verified, Dir: a.dir, Tree: tree,
		ModTime: a.modTime, Seen: a.seen,
		Warnings: slices.Clone(a.verified.Warnings()),
	}
	if name, ok := a.verified.Executable(c.cfg.GOOS, c.cfg.GOARCH); ok {
		e.Executable = filepath.Join(tree, filepath.FromSlash(name))
	}
	for _, need := range a.manifest().Requires {
		if !need.Optional {
			e.Needs = append(e.Needs, need.ID)
		}
	}
	return e
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
		if !e.Disabled {
			c.running[e.ID()] = e.Bundle.Digest()
		}
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

// inUse lists the digests that the folder, what is remembered, or what runs refers to.
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
	for _, st := range c.standing {
		used[st.Current], used[st.Pinned] = true, true
	}
	return used
}

// collect takes off the shelf what nobody needs, and reports whether it has to be done
// again.
func (c *Catalog) collect() (again bool) { return c.shelf.collect(c.inUse(), c.kept()) }

func (c *Catalog) kept() map[string]bool {
	if c.cfg.Kept == nil {
		return nil
	}
	return c.cfg.Kept()
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
		a.ModTime.Equal(b.ModTime) && slices.Equal(a.Warnings, b.Warnings) &&
		a.Disabled == b.Disabled && a.Note == b.Note && slices.Equal(a.Passed, b.Passed)
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
