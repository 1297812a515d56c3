package ingest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Run checks what was received, here or elsewhere, until ctx ends, which is no error. What is
// being checked then is left to whoever looks next.
func (d *Desk) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range d.cfg.Parallel {
		workers.Go(func() { d.work(ctx) })
	}
	workers.Wait()
	return nil
}

// work claims submissions and checks them, one after the other.
func (d *Desk) work(ctx context.Context) {
	claim := rand.Text()
	idle := time.NewTicker(d.cfg.Interval)
	defer idle.Stop()
	for ctx.Err() == nil {
		s, attempts, err := d.cfg.Database.ClaimSubmission(ctx, claim, d.cfg.Lease)
		switch {
		case err == nil:
			d.alarm() // there may be more, for the other workers
			d.process(ctx, s, attempts, claim)
			continue
		case !errors.Is(err, database.ErrNotFound) && ctx.Err() == nil:
			d.cfg.Log.Error("submissions can not be taken up", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-idle.C:
		}
	}
}

// process checks one submission and writes what became of it. If it can not, the claim runs
// out, and the submission is taken up again.
func (d *Desk) process(parent context.Context, s store.Submission, attempts int, claim string) {
	began := time.Now()
	ctx, stop := context.WithCancel(parent)
	var keeper sync.WaitGroup
	number := s.Number
	keeper.Go(func() { d.keepClaim(ctx, stop, number, claim) })
	s, err := d.settle(ctx, s, attempts, claim)
	stop()
	keeper.Wait()
	switch {
	case err == nil:
		d.metrics.settle(s, time.Since(began))
		d.tell(s.Number)
	case parent.Err() != nil:
		// A stop is nobody's fault: let the next one begin at once.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), time.Second)
		defer cancel()
		if err := d.cfg.Database.RenewClaim(ctx, s.Number, claim, time.Millisecond); err != nil {
			d.cfg.Log.Debug("giving a submission back", "submission", s.Number, "error", err)
		}
	default:
		d.metrics.failures.Inc()
		d.cfg.Log.Error("a submission could not be checked and is taken up again", "submission", s.Number, "attempt", attempts, "error", err)
	}
}

// keepClaim renews a claim until ctx ends. If it is lost, somebody else checks the
// submission, and stop ends this check.
func (d *Desk) keepClaim(ctx context.Context, stop func(), number int64, claim string) {
	tick := time.NewTicker(d.cfg.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.cfg.Database.RenewClaim(ctx, number, claim, d.cfg.Lease); errors.Is(err, database.ErrConflict) {
			d.cfg.Log.Warn("a submission was taken up by somebody else meanwhile", "submission", number)
			stop()
			return
		}
	}
}

// settle brings a claimed submission into a state in which nobody works on it.
func (d *Desk) settle(ctx context.Context, s store.Submission, attempts int, claim string) (store.Submission, error) {
	if attempts > d.cfg.Attempts {
		return d.refuse(ctx, s, claim, []store.Problem{problemf(store.CodeCheckFailed,
			"its check was begun %d times and never came to its end: submit it again, and tell the store's administrator", attempts-1)})
	}
	s.State, s.Updated = store.Checking, d.now()
	if err := d.cfg.Database.SaveSubmission(ctx, s, claim); err != nil {
		return s, fmt.Errorf("beginning to check submission %d: %w", s.Number, err)
	}
	p, problems, err := d.examine(ctx, &s)
	if err != nil {
		return s, err
	}
	if len(problems) > 0 {
		return d.refuse(ctx, s, claim, problems)
	}
	return d.publish(ctx, p, claim, d.cfg.Admission == Direct, "store")
}

// refuse ends a submission that is claimed, with its reasons.
func (d *Desk) refuse(ctx context.Context, s store.Submission, claim string, problems []store.Problem) (store.Submission, error) {
	s.State, s.Updated, s.Problems = store.NeedsChanges, d.now(), boundedProblems(problems)
	err := d.cfg.Database.SaveSubmission(ctx, s, claim, database.Entry{
		Actor: "store", Action: "refuse", Target: target(s.Number), Reason: s.Problems[0].Code, Detail: detail(s.Problems),
	})
	if err != nil {
		return s, fmt.Errorf("refusing submission %d: %w", s.Number, err)
	}
	return s, nil
}

// examine has the bytes of a submission read, and fills in what was found. The error is
// nobody's fault but that of database, blobs or disk.
func (d *Desk) examine(parent context.Context, s *store.Submission) (*proposal, []store.Problem, error) {
	ctx, cancel := context.WithTimeout(parent, d.cfg.Timeout)
	defer cancel()
	file, err := d.fetch(ctx, *s)
	if errors.Is(err, blobs.ErrNotFound) {
		return nil, []store.Problem{problemf(store.CodeCheckFailed, "its bytes are no longer kept: submit it again")}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the bytes of submission %d: %w", s.Number, err)
	}
	defer file.Close()
	f := File{ReaderAt: file, Size: s.Size, Digest: s.Digest, Names: entryNames(file, s.Size), Detached: s.Detached}
	format := d.formatOf(f)
	if format == nil {
		return nil, []store.Problem{problemf(store.CodeFormatUnknown, "it is no file of a format that this store takes: a bundle has META-INF/MANIFEST.MF, an archive for Jami manifest.json, a ZIP for Jameica plugin.xml in its folder")}, nil
	}
	s.Format = format.Name()
	candidate, problems, err := d.read(ctx, format, f)
	switch {
	case err != nil && parent.Err() == nil && ctx.Err() != nil:
		return nil, []store.Problem{problemf(store.CodeCheckFailed, "its check took longer than %s: a file that a host could read takes seconds", d.cfg.Timeout)}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading submission %d: %w", s.Number, err)
	case len(problems) > 0:
		return nil, problems, nil
	}
	s.Listing, s.Version = candidate.ID, candidate.Release.Version
	s.Warnings = boundedList(candidate.Warnings)
	p := &proposal{Candidate: candidate, format: format.Name(), compare: format.Compare, submission: *s, now: d.now()}
	if problem := wholesome(p); problem != nil {
		return nil, []store.Problem{*problem}, nil
	}
	s.Channel = p.channel()
	p.submission.Channel = s.Channel
	return p, nil, nil
}

func (d *Desk) formatOf(f File) Format {
	for _, format := range d.cfg.Formats {
		if format.Sniff(f) {
			return format
		}
	}
	return nil
}

// read is the one place in which a mistake in a reader meets the file that shows it: a panic
// is the file's problem, counted and logged, and nothing more.
func (d *Desk) read(ctx context.Context, format Format, f File) (c *Candidate, problems []store.Problem, err error) {
	defer func() {
		if r := recover(); r != nil {
			d.metrics.panics.Inc()
			d.cfg.Log.Error("a file has made its reader panic", "digest", f.Digest, "format", format.Name(), "panic", r, "stack", string(debug.Stack()))
			c, err, problems = nil, nil, []store.Problem{problemf(store.CodeCheckFailed, "its check ended as no check should: tell the store's administrator")}
		}
	}()
	c, err = format.Read(ctx, f)
	if refusal, ok := errors.AsType[*Refused](err); ok {
		return nil, refusal.Problems, nil
	}
	if err == nil && c == nil {
		return nil, nil, errors.New("its reader said nothing")
	}
	return c, nil, err
}

// fetch copies a blob into a file without a name, which is gone with the process, and holds
// it against its digest: what is judged is what is kept.
func (d *Desk) fetch(ctx context.Context, s store.Submission) (*os.File, error) {
	blob, err := d.cfg.Blobs.Open(ctx, s.Digest)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	file, err := Scratch(d.cfg.Temp)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(whileAlive{ctx, blob}, s.Size+1))
	if err == nil && (n != s.Size || "sha256:"+hex.EncodeToString(sum.Sum(nil)) != s.Digest) {
		err = blobs.ErrDigest
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// whileAlive ends a copy with its context.
type whileAlive struct {
	ctx context.Context
	io.Reader
}

func (w whileAlive) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}
