package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

const (
	// retryFirst and retryMax bound the pause before a file is judged again after
	// the fault was the system's (a full disk) and not the file's.
	retryFirst = 2 * time.Second
	retryMax   = time.Minute
	// progressEvery keeps a long copy from changing its row with every write.
	progressEvery = time.Second
)

// dropped is one file of the drop folder.
type dropped struct {
	name  string
	seen  sighting
	since time.Time // when seen last changed
	grew  time.Time // when its size last changed
	first bool      // there at the first look and not changed since

	job     *job     // in line or being judged
	verdict *verdict // about the bytes as seen; nil before
	retry   time.Time
	pause   time.Duration

	// accepted is what the bytes as seen hold, nil unless the verdict says so.
	// earlier is what ran from this file before its bytes changed, and goes on
	// running until something in its place runs.
	accepted, earlier *accepted
	// claims is the id in the row of bytes that are not accepted.
	claims string

	note     *lifecycle.Reason // the row's reason while there is no verdict
	noted    note
	notedAt  time.Time
	rejected *lifecycle.Reason
}

// accepted is content of the folder that was verified in private storage.
type accepted struct {
	*parcel
	modTime, seen time.Time
	// What resolve asks for, worked out once.
	name     string
	requests []string
	fault    *refusal
}

// look reads the folder and notes what is new, different or gone.
func (c *Catalog) look() {
	c.lastLook = time.Now()
	c.due = c.lastLook.Add(c.cfg.Interval)
	found, err := c.folder.look(c.files, c.watch.follow)
	now := time.Now() // a look at a slow folder takes its time: files settle from its end on
	if err != nil {
		if c.err == nil || c.err.Error() != err.Error() {
			c.cfg.Log.Error("the extensions folder is not usable", "folder", c.cfg.Extensions, "error", err)
		}
		c.err = err
		return
	}
	if c.err != nil {
		c.cfg.Log.Info("the extensions folder is usable again", "folder", c.cfg.Extensions)
	}
	c.err = nil
	c.rememberDevice()
	if !c.looked {
		c.started = now
	}
	gone := map[place]*dropped{}
	for name, f := range c.files {
		if _, ok := found[name]; !ok {
			c.cancel(f)
			delete(c.files, name)
			gone[f.seen.place] = f
		}
	}
	for name, seen := range found {
		f := c.files[name]
		switch {
		case f == nil:
			c.files[name] = c.arrive(name, seen, gone[seen.place], now)
		case f.seen != seen:
			c.change(f, seen, now)
		}
	}
	c.looked = true
}

// arrive makes the record of a new name. A file that was renamed within the folder
// takes what runs from it along, while its bytes are judged once more.
func (c *Catalog) arrive(name string, seen sighting, was *dropped, now time.Time) *dropped {
	f := &dropped{name: name, seen: seen, since: now, grew: now, first: !c.looked}
	if !c.looked {
		f.claims = c.ranFrom(name)
	}
	if modified := time.Unix(0, seen.mtime); modified.Before(now) {
		f.grew = modified // a file that was left incomplete long ago need not stall again
	}
	if was != nil && was.seen.size == seen.size && was.seen.mtime == seen.mtime {
		f.earlier = cmp.Or(was.earlier, was.accepted)
		f.claims = was.claims
		f.noteClaims()
	}
	return f
}

// change starts over with a file whose bytes may be others now.
func (c *Catalog) change(f *dropped, seen sighting, now time.Time) {
	c.cancel(f)
	if f.seen.size != seen.size {
		f.grew = now
	}
	f.seen, f.since = seen, now
	f.verdict, f.rejected = nil, nil
	f.retry, f.pause = time.Time{}, 0
	f.first = false
	f.earlier = cmp.Or(f.earlier, f.accepted)
	f.accepted = nil
	f.noteClaims()
}

// noteClaims says in the row of unknown bytes whose place they would take.
func (f *dropped) noteClaims() {
	if f.earlier != nil {
		f.claims = f.earlier.manifest().ID
	}
}

func (c *Catalog) cancel(f *dropped) {
	if f.job != nil {
		c.lanes.drop(f.job)
		f.job = nil
	}
}

// advance takes each file one step further where its time has come, and returns when
// the next one's time comes (zero for never). It must follow a look: what it takes up
// was seen unchanged over its whole settle time.
func (c *Catalog) advance(now time.Time) time.Time {
	var next time.Time
	if c.err != nil {
		return next // nobody knows whether a file is still as it was seen
	}
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		f := c.files[name]
		if due := c.step(f, now); !due.IsZero() {
			next = earliest(due, next)
		}
	}
	return next
}

// step returns when to look at f again, the zero time for when something happens.
func (c *Catalog) step(f *dropped, now time.Time) time.Time {
	settled := f.since.Add(c.cfg.Settle)
	switch {
	case f.job != nil:
		f.tell(noteJudging, now)
	case f.seen.size == 0:
		f.tell(noteEmpty, now)
	case now.Before(settled):
		f.tell(noteArriving, now)
		return settled
	case f.verdict == nil:
		if c.lastLook.Before(settled) {
			f.tell(noteArriving, now)
			return now // seen unchanged, but not yet over the whole time
		}
		f.job = c.lanes.add(f.name, f.seen)
		f.tell(noteJudging, now)
	case f.verdict.kind == incomplete:
		stalled := f.grew.Add(c.cfg.Stalled)
		if now.Before(stalled) {
			f.tell(noteIncomplete, now)
			return stalled
		}
		if f.rejected == nil {
			f.rejected = truncatedReason(f.seen.size, c.cfg.Stalled)
		}
	case f.verdict.kind == trouble:
		if now.Before(f.retry) {
			return f.retry
		}
		f.job = c.lanes.add(f.name, f.seen)
	}
	return time.Time{}
}

// judged takes a judgement. One about bytes that are no longer there says nothing.
func (c *Catalog) judged(done judgement) {
	c.lanes.landed(done.job)
	if done.job.digest != "" {
		c.loaded(done)
		return
	}
	c.untidy = c.untidy || done.kind == acceptable
	f := c.files[done.job.name]
	if f == nil || f.job != done.job {
		return
	}
	f.job = nil
	switch v := done.verdict; v.kind {
	case changed:
		// Look at once, and let it settle again: should stat and fstat never agree,
		// this is tried now and then and not all the time.
		c.due = time.Now()
		f.since, f.first = c.due, false
	case acceptable:
		f.verdict, f.rejected, f.pause = &v, nil, 0
		c.accept(f, v.parcel)
	case trouble:
		f.pause = min(max(2*f.pause, retryFirst), retryMax)
		f.retry = time.Now().Add(f.pause)
		f.verdict, f.rejected = &v, v.reason
	default:
		f.verdict, f.rejected = &v, v.reason
	}
}

// accept notes what the file holds. The same bytes as before change nothing, whatever
// stat says of the file: not even its time, by which equal versions are chosen.
func (c *Catalog) accept(f *dropped, p *parcel) {
	if f.earlier != nil && f.earlier.digest == p.digest {
		f.accepted, f.earlier = f.earlier, nil
		return
	}
	if known := c.known[p.digest]; known != nil {
		p = known.parcel // the same pointer as before
	}
	f.accepted = c.cfg.acceptedOf(p, time.Unix(0, f.seen.mtime), f.since)
	c.known[p.digest] = f.accepted
}

func (c Config) acceptedOf(p *parcel, modTime, seen time.Time) *accepted {
	return &accepted{
		parcel: p, modTime: modTime, seen: seen,
		name: fold(p.manifest().Name), requests: requestTypes(p.verified), fault: c.faultOf(p),
	}
}

// note is what a row says about a file without a verdict.
type note struct {
	text string
	size int64
}

const (
	noteEmpty      = "the file is empty so far"
	noteArriving   = "%d bytes so far"
	noteIncomplete = "%d bytes so far, and the end of the file is missing"
	noteJudging    = "%d bytes are there and are being checked"
)

// tell sets the row's reason. Progress of a copy is told once a second.
func (f *dropped) tell(text string, now time.Time) {
	n := note{text: text, size: f.seen.size}
	if f.note != nil && (n == f.noted || n.text == f.noted.text && now.Sub(f.notedAt) < progressEvery) {
		return
	}
	f.noted, f.notedAt = n, now
	if text != noteEmpty {
		text = fmt.Sprintf(text, f.seen.size)
	}
	f.note = lifecycle.Reasonf(lifecycle.StageScan, lifecycle.CodeCopying, "%s", text)
}

func truncatedReason(size int64, stalled time.Duration) *lifecycle.Reason {
	return lifecycle.Reasonf(lifecycle.StageScan, string(bundle.CodeTruncated),
		"the file ends after %d bytes, before the end of the archive, and has not grown for %v: copy it again, best under a name that begins with a dot, and rename it when it is complete",
		size, stalled)
}

// row returns the Row of a file whose bytes are not accepted, without its State, and
// the event that leads there.
func (f *dropped) row() (Row, lifecycle.Event) {
	switch {
	case f.rejected == nil:
		return Row{File: f.name, Claims: f.claims, Reason: f.note}, lifecycle.Copying
	case f.verdict.pending:
		return Row{File: f.name, Claims: f.claims, Reason: f.rejected}, lifecycle.Copying
	}
	event := lifecycle.Reject
	if bundle.Code(f.rejected.Code).OfSignature() {
		event = lifecycle.Refuse
	}
	return Row{File: f.name, Claims: f.claims, Reason: f.rejected}, event
}
