package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Upload is a file on its way in.
type Upload struct {
	// Source is SourceAPI or SourceDrop.
	Source string
	// File is the name that it came with: only for people.
	File string
	// Organization is the name of who sends it, of those that the store knows: what it has
	// signed is what it may publish. Empty is the store's administrator: whoever signed is
	// the publisher, and becomes known to the store.
	Organization string
	// Actor is who did it, for the audit trail: a token's id, or "store". Remote is the
	// address that it came from, if it came from one.
	Actor, Remote string
	// Channel is where it is to be published; empty: beta for a version with a suffix,
	// else stable.
	Channel store.Channel
	// Detached is the signature of a file whose format has no place for one, or nil.
	Detached *store.Detached
	// Key is the sender's word for this upload, "" for none: a second upload with it is
	// answered with the submission of the first.
	Key string
	// Body is read to its end, or to one byte beyond the limit.
	Body io.Reader
	// Problem, if not nil, is why the file is refused unread: nothing of it is kept, and
	// Object says what it was.
	Problem *store.Problem
	Object  store.Object
}

// The sources of uploads.
const (
	SourceAPI  = "api"
	SourceDrop = "drop"
)

// ErrTooBig says that a file is larger than Config.MaxBytes; nothing of it is kept.
var ErrTooBig = errors.New("the file is larger than this store takes")

// ErrBusy says that an organization has as many submissions waiting as it may have.
var ErrBusy = errors.New("too many submissions of this organization are waiting")

// maxWaiting is how many submissions of an organization may wait to be checked.
const maxWaiting = 50

// Submit is Receive, and Wait for what becomes of it. Run must be running, here or in
// another replica.
func (d *Desk) Submit(ctx context.Context, u Upload) (store.Submission, error) {
	s, err := d.Receive(ctx, u)
	if err != nil {
		return s, err
	}
	return d.Wait(ctx, s.Number)
}

// Knows tells whether bytes were submitted from a source before, and not refused for what
// they were called there.
func (d *Desk) Knows(ctx context.Context, source, digest string) (bool, error) {
	list, err := d.cfg.Database.Submissions(ctx, database.SubmissionFilter{Source: source, Digest: digest, Limit: 1000})
	if err != nil {
		return false, fmt.Errorf("looking for submissions of %s: %w", digest, err)
	}
	return slices.ContainsFunc(list, func(s store.Submission) bool {
		return len(s.Problems) == 0 || s.Problems[0].Code != store.CodeNameMismatch
	}), nil
}

// Receive takes a file in: once it returns a submission, its bytes are on the disk and it
// will be checked. The error wraps ErrTooBig, ErrBusy, that of Body or of ctx, or tells what
// is wrong with database or blobs; then there is no submission.
func (d *Desk) Receive(ctx context.Context, u Upload) (store.Submission, error) {
	if err := d.admits(ctx, u.Organization); err != nil {
		return store.Submission{}, err
	}
	object := u.Object
	if u.Problem == nil {
		var err error
		if object, err = d.keep(ctx, u.Body); err != nil {
			return store.Submission{}, err
		}
	}
	now := d.now()
	s := store.Submission{
		State: store.Submitted, Source: u.Source, File: shownName(u), Organization: u.Organization,
		Digest: object.Digest, Size: object.Size, Channel: u.Channel, Detached: u.Detached, Created: now, Updated: now,
	}
	if u.Problem != nil {
		s.State, s.Problems = store.NeedsChanges, []store.Problem{bounded(*u.Problem)}
	}
	s, err := d.cfg.Database.AddSubmission(ctx, database.NewSubmission{Submission: s, Request: u.Key})
	if errors.Is(err, database.ErrExists) {
		return s, nil
	}
	if err != nil {
		return store.Submission{}, fmt.Errorf("making a submission of the file: %w", err)
	}
	d.metrics.received.WithLabelValues(u.Source).Inc()
	d.note(ctx, database.Entry{
		Actor: cmp.Or(u.Actor, "store"), Action: "submit", Target: target(s.Number), Detail: detail(map[string]any{
			"file": s.File, "digest": s.Digest, "source": s.Source, "organization": s.Organization}), Remote: u.Remote,
	})
	d.alarm()
	return s, nil
}

// admits says whether an organization may submit now; an administrator always may.
func (d *Desk) admits(ctx context.Context, organization string) error {
	if organization == "" {
		return nil
	}
	list, err := d.cfg.Database.Submissions(ctx, database.SubmissionFilter{Organization: organization, State: store.Submitted, Limit: maxWaiting})
	if err != nil {
		return fmt.Errorf("looking for what waits: %w", err)
	}
	if len(list) == maxWaiting {
		return fmt.Errorf("%w: %d", ErrBusy, maxWaiting)
	}
	return nil
}

// keep puts the bytes of an upload among the blobs.
func (d *Desk) keep(ctx context.Context, from io.Reader) (store.Object, error) {
	body := &limited{from: from, left: d.cfg.MaxBytes}
	object, err := d.cfg.Blobs.Put(ctx, body)
	if body.over {
		return store.Object{}, fmt.Errorf("%w: at most %d bytes", ErrTooBig, d.cfg.MaxBytes)
	}
	if err != nil {
		return store.Object{}, fmt.Errorf("keeping the file: %w", err)
	}
	return object, nil
}

// note writes down what is done already: that can not be taken back when the audit trail
// can not be written.
func (d *Desk) note(ctx context.Context, e database.Entry) {
	if err := d.cfg.Database.Append(ctx, e); err != nil {
		d.cfg.Log.Error("something is not in the audit trail", "action", e.Action, "target", e.Target, "error", err)
	}
}

// alarm wakes a worker.
func (d *Desk) alarm() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// settled tells whether nobody works on a submission any more.
func settled(s store.SubmissionState) bool {
	return s != store.Submitted && s != store.Checking
}

// Wait returns a submission once it is published, in_review or needs_changes, or with the
// error of ctx as it is by then.
func (d *Desk) Wait(ctx context.Context, number int64) (store.Submission, error) {
	told, forget := d.listen(number)
	defer forget()
	// Another replica may be the one that checks it, and that one tells nobody here.
	look := time.NewTicker(min(d.cfg.Interval, 500*time.Millisecond))
	defer look.Stop()
	for {
		s, err := d.cfg.Database.Submission(ctx, number)
		if err != nil {
			return s, fmt.Errorf("looking for submission %d: %w", number, err)
		}
		if settled(s.State) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-told:
			told = nil
		case <-look.C:
		}
	}
}

// listen returns a channel that is closed when this process has settled a submission.
func (d *Desk) listen(number int64) (<-chan struct{}, func()) {
	told := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[number] = append(d.waiting[number], told)
	return told, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		list := d.waiting[number]
		for i, c := range list {
			if c == told {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(d.waiting, number)
			return
		}
		d.waiting[number] = list
	}
}

func (d *Desk) tell(number int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.waiting[number] {
		close(c)
	}
	delete(d.waiting, number)
}

// limited gives at most left bytes, and an error where there are more.
type limited struct {
	from io.Reader
	left int64
	over bool
}

func (l *limited) Read(p []byte) (int, error) {
	if l.over {
		return 0, ErrTooBig
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	if int64(n) > l.left {
		l.over = true
		return int(l.left), ErrTooBig
	}
	l.left -= int64(n)
	return n, err
}

// shownName is the last part of a file's name, or where it lies in the drop folder, made safe
// to look at.
func shownName(u Upload) string {
	name := u.File
	if u.Source != SourceDrop {
		name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	if name == "." || name == "/" {
		name = ""
	}
	return visible.Clip(name, 200)
}
