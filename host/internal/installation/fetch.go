package installation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/plan"
)

const (
	retryMost  = 30 * time.Second
	partSuffix = ".part"
	// savePatience bounds one change of the database.
	savePatience = 10 * time.Second
)

// fetch brings every bundle of a plan into private storage and verifies it there. The
// bundles stay held until release is called.
func (i *Installation) fetch(ctx context.Context, j *job) (release func(), at int, err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	r := j.see()
	ctx, cancel := context.WithDeadline(ctx, r.Plan.Created.Add(i.cfg.Patience.Plan))
	defer cancel()
	bundles := map[string]Bundle{}
	for _, n := range r.changing() {
		b, err := i.bring(ctx, j, n)
		if b.Release != nil {
			held = append(held, b.Release)
		}
		if err == nil {
			err = i.judge(j, n, b)
		}
		if err != nil {
			return release, n, err
		}
		bundles[b.ID] = b
		j.change(func(r *record) {
			s := &r.Plan.Steps[n]
			s.State, s.Digest, s.Size, s.Bytes, s.Total, s.Code, s.Message = plan.StepReady, b.Digest, b.Size, b.Size, b.Size, "", ""
			// Whoever is killed while it lands finds it by this name.
			r.Terms[n].File = b.File
		})
		if err := i.save(ctx, j); err != nil {
			return release, n, err
		}
	}
	at, err = i.fits(j, bundles)
	return release, at, err
}

// bring brings one bundle into private storage: from there, or from its repository.
func (i *Installation) bring(ctx context.Context, j *job, n int) (Bundle, error) {
	s := j.show().Steps[n]
	if s.Digest != "" {
		if b, err := i.cfg.House.Recall(ctx, s.Digest); err == nil {
			return b, nil
		}
	}
	if s.Size > i.cfg.FileBytes {
		return Bundle{}, plan.Faultf(plan.CodeTooLarge, "%s %s has %d bytes, more than the %d that bundle.max_bytes allows", s.ID, s.To, s.Size, i.cfg.FileBytes)
	}
	j.step(n, func(s *plan.Step) { s.State = plan.StepDownloading })
	path := filepath.Join(i.cfg.Downloads, partName(s))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Bundle{}, err
	}
	defer file.Close()
	if err := i.download(ctx, j, n, &bounded{File: file, most: i.cfg.FileBytes}); err != nil {
		if errors.Is(context.Cause(ctx), plan.ErrCanceled) {
			os.Remove(path) // nobody goes on with it
		}
		return Bundle{}, err
	}
	defer os.Remove(path) // it is in private storage, or good for nothing
	j.step(n, func(s *plan.Step) { s.State = plan.StepVerifying })
	size, err := file.Seek(0, 2)
	if err == nil {
		_, err = file.Seek(0, 0)
	}
	if err != nil {
		return Bundle{}, err
	}
	return i.cfg.House.Take(ctx, file, size)
}

// partName is the name of a file on its way. It does not depend on the plan: what one has
// begun another one goes on with.
func partName(s plan.Step) string {
	sum := sha256.Sum256([]byte(s.Repository + "\n" + s.ID + "\n" + s.To + "\n" + s.Digest))
	return hex.EncodeToString(sum[:16]) + partSuffix
}

// bounded is a file that does not become larger than a bundle may be, whatever a repository
// says.
type bounded struct {
	*os.File
	at, most int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.at+int64(len(p)) > b.most {
		return 0, plan.Faultf(plan.CodeTooLarge, "it has more than the %d bytes that bundle.max_bytes allows", b.most)
	}
	n, err := b.File.Write(p)
	b.at += int64(n)
	return n, err
}

func (b *bounded) Seek(offset int64, whence int) (at int64, err error) {
	b.at, err = b.File.Seek(offset, whence)
	return b.at, err
}

// download completes a file. While its repository does not answer it is tried again, as long
// as now and then something comes.
func (i *Installation) download(ctx context.Context, j *job, n int, into *bounded) error {
	s := j.show().Steps[n]
	want := Want{Repository: s.Repository, ID: s.ID, Version: s.To, Digest: s.Digest}
	pause, most := i.cfg.Patience.Retry, int64(-1)
	lastByte := i.cfg.Now()
	for {
		had := int64(-1) // what is there at first has come before
		err := i.cfg.Repositories.Fetch(ctx, want, into, func(size, total int64) {
			if had >= 0 && size > had {
				i.tally.came(size - had)
			}
			had = size
			if size > most {
				most, lastByte, pause = size, i.cfg.Now(), i.cfg.Patience.Retry
			}
			j.progress(n, size, total)
		})
		if err == nil {
			return nil
		}
		why, ok := errors.AsType[*plan.Unfetched](err)
		if !ok || !why.Again || ctx.Err() != nil {
			return err
		}
		if i.cfg.Now().Sub(lastByte) >= i.cfg.Patience.Progress {
			return plan.Faultf(why.Code, "%v; it was tried for %v, and nothing came", why.Err, i.cfg.Patience.Progress)
		}
		j.step(n, func(s *plan.Step) { s.Code, s.Message = why.Code, why.Error()+"; it is tried again" })
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, max(retryMost, i.cfg.Patience.Retry))
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// judge says whether a bundle is what its repository has announced, and asks for nothing
// that nobody has consented to.
func (i *Installation) judge(j *job, n int, b Bundle) error {
	r := j.see()
	s, t := r.Plan.Steps[n], r.Terms[n]
	what := s.ID + " " + s.To
	switch {
	case s.Digest != "" && b.Digest != s.Digest:
		return plan.Faultf(plan.CodeOtherBundle, "%s is %s, and %s was announced", what, b.Digest, s.Digest)
	case b.ID != s.ID || !sameVersion(b.Version, s.To):
		return plan.Faultf(plan.CodeOtherBundle, "what %s gives as %s is %.100s %.50s", s.Repository, what, b.ID, b.Version)
	}
	allowed := t.Before.Publisher
	if t.Publisher != nil {
		allowed = *t.Publisher
	}
	if b.Fault != nil && b.Fault.Code == plan.CodePublisher && t.Publisher != nil && b.Publisher == *t.Publisher {
		b.Fault = nil // that was consented to
	}
	switch {
	case b.Fault != nil:
		return b.Fault
	case s.Pin != "" && b.Publisher != "" && b.Publisher != s.Pin:
		return plan.Faultf(plan.CodePublisher, "%s is signed by %s, and its repository says that %s publishes it", what, b.Publisher, s.Pin)
	case allowed != "" && b.Publisher != "" && b.Publisher != allowed:
		return plan.Faultf(plan.CodePublisher, "%s is signed by %s, and %s has to come from %s", what, b.Publisher, s.ID, allowed)
	}
	decided := i.cfg.House.Decided(s.ID)
	var missing []string
	for _, p := range b.Permissions {
		if !slices.Contains(decided, p) && !slices.Contains(t.Grant, p) {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		return plan.Faultf(plan.CodeNeedsConsent, "%s asks for %s, which nobody has consented to, and its repository has not said so; consent to that, and install it again",
			what, strings.Join(missing[:min(len(missing), 20)], ", "))
	}
	return nil
}

func sameVersion(a, b string) bool {
	one, err1 := bundle.ParseVersion(a)
	two, err2 := bundle.ParseVersion(b)
	return a == b || err1 == nil && err2 == nil && one.Compare(two) == 0
}

// fits says whether all that the bundles require will be there: their repository may have
// said something else than they do.
func (i *Installation) fits(j *job, bundles map[string]Bundle) (at int, err error) {
	versions := map[string]string{}
	for _, x := range i.cfg.House.Installed() {
		versions[x.ID] = x.Version
	}
	r := j.see()
	for _, n := range r.changing() {
		versions[r.Plan.Steps[n].ID] = r.Plan.Steps[n].To
	}
	for _, n := range r.changing() {
		s := r.Plan.Steps[n]
		for _, need := range bundles[s.ID].Requires {
			version, there := versions[need.ID]
			v, err := bundle.ParseVersion(version)
			if there && err == nil && need.Allows(v) || !there && need.Optional {
				continue
			}
			return n, plan.Faultf(plan.CodeOtherBundle, "%s %s requires %s, which its repository has not said, and which would not be there", s.ID, s.To, need)
		}
	}
	return -1, nil
}

// sweepDownloads removes files on their way that no plan goes on with.
func (i *Installation) sweepDownloads() {
	used := map[string]bool{}
	i.mu.Lock()
	for _, j := range i.jobs {
		if r := j.see(); r.Phase == fetching {
			for _, n := range r.changing() {
				used[partName(r.Plan.Steps[n])] = true
			}
		}
	}
	i.mu.Unlock()
	list, err := os.ReadDir(i.cfg.Downloads)
	for _, e := range list {
		if !used[e.Name()] && strings.HasSuffix(e.Name(), partSuffix) {
			err = errors.Join(err, os.Remove(filepath.Join(i.cfg.Downloads, e.Name())))
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		i.cfg.Log.Warn("sweeping the folder for downloads", "error", fmt.Errorf("%s: %w", i.cfg.Downloads, err))
	}
}
