package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// watched is an extension that must answer every request, whatever happens to the
// folder.
type watched struct {
	*stage
	*host
	name  string
	load  *load
	total tally
	swaps int
	now   int // number of the version that should answer
}

func (s *stage) watch(ctx context.Context, h *host, name string) *watched {
	return &watched{stage: s, host: h, name: name, now: 1, total: account(nil), load: h.load(ctx, name, loadRate/2, loadClients, loadTimeout)}
}

// keeps says whether only the present version answers, and is still the one that runs.
func (w *watched) keeps(ctx context.Context, what string) error {
	shown, err := w.row(ctx, w.name)
	if err != nil {
		return err
	}
	w.figure(what+": the running version stays", shown.String(), "running "+version(w.now), shown.runs(version(w.now)))
	w.take(version(w.now))
	return w.sound(ctx)
}

// becomes waits for the next version.
func (w *watched) becomes(ctx context.Context, what string) error {
	_, err := w.awaitVersion(ctx, w.name, version(w.now+1))
	text := "runs"
	if err != nil {
		text = err.Error()
	}
	w.figure(what+": the new version runs", text, "runs", err == nil)
	if err != nil {
		return err
	}
	if err := pause(ctx, 200*time.Millisecond); err != nil {
		return err
	}
	w.take(version(w.now), version(w.now+1))
	w.now++
	return w.sound(ctx)
}

func (w *watched) take(versions ...string) {
	records := w.load.cut()
	w.total.add(records)
	w.swaps += len(outOfOrder(records, versions...))
}

func (w *watched) end() {
	records := w.load.end()
	w.total.add(records)
	w.swaps += len(outOfOrder(records, version(w.now)))
	w.figure("failed requests meanwhile", w.total.failures(), "0", w.total.failed+w.total.lost == 0 && w.total.all > 0)
	if w.total.example != "" {
		w.note("%s: %s", w.stage.name, w.total.example)
	}
	w.figure("clients that another version answered", fmt.Sprint(w.swaps), "0", w.swaps == 0)
}

// parcel is the version after the present one, as an overlap upgrade: the requests
// that fail here are not those of a hand-over.
func (w *watched) parcel() []byte { return w.kit.pack(good(w.name, w.now+1, true)) }

// copies copies slowly, in part, and not at all.
func copies(ctx context.Context, s *stage) error {
	h, err := s.host("home", s.plan.upgradeSettings())
	if err != nil {
		return err
	}
	first := good("copied", 1, true)
	if err := s.startWith(ctx, h, first); err != nil {
		return err
	}
	w := s.watch(ctx, h, first.name)
	defer w.end()
	if err := s.slowCopies(ctx, w, first.file()); err != nil {
		return err
	}
	if err := s.truncatedCopy(ctx, w); err != nil {
		return err
	}
	return s.noBundles(ctx, w)
}

func (s *stage) slowCopies(ctx context.Context, w *watched, present string) error {
	for _, c := range []struct{ what, file string }{{"slow copy beside", "slow.jar"}, {"slow copy over the file", present}} {
		jar := w.parcel()
		f, err := os.Create(filepath.Join(w.drop(), c.file))
		if err != nil {
			return err
		}
		defer f.Close()
		// Each pause is longer than what counts as stable.
		for part := range slices.Chunk(jar, len(jar)/5+1) {
			if err := w.keeps(ctx, c.what); err != nil {
				return err
			}
			if _, err := f.Write(part); err != nil {
				return err
			}
			if err := pause(ctx, 450*time.Millisecond); err != nil {
				return err
			}
		}
		if err := f.Close(); err != nil {
			return err
		}
		if err := w.becomes(ctx, c.what); err != nil {
			return err
		}
	}
	return nil
}

// truncatedCopy leaves half a copy, and completes it later.
func (s *stage) truncatedCopy(ctx context.Context, w *watched) error {
	jar := w.parcel()
	path := filepath.Join(w.drop(), "cut.jar")
	if err := os.WriteFile(path, jar[:len(jar)/3], 0o644); err != nil {
		return err
	}
	shown, err := s.awaitFile(ctx, w, patience, "cut.jar", shownAs("pending"))
	s.figure("half a copy is shown", shown, "pending", err == nil)
	if s.plan.stalls {
		shown, err = s.awaitFile(ctx, w, 90*time.Second, "cut.jar", shownAs("failed"))
		s.figure("half a copy that does not grow for a minute", shown, "failed", err == nil)
	}
	if err := w.keeps(ctx, "half a copy"); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(jar[len(jar)/3:])
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return w.becomes(ctx, "half a copy, completed")
}

func shownAs(want string) func(string, *reason) bool {
	return func(state string, why *reason) bool { return state == want && why != nil }
}

// awaitFile waits until the file, or the candidate that it holds, is shown as it
// should be.
func (s *stage) awaitFile(ctx context.Context, w *watched, within time.Duration, file string, as func(state string, why *reason) bool) (string, error) {
	shown := "not shown"
	err := await(ctx, within, "how the host shows "+file, func() (bool, error) {
		rows, err := w.rows(ctx)
		if err != nil {
			return false, err
		}
		for _, r := range rows {
			if c := r.Candidate; c != nil && c.File == file {
				shown = r.String()
				return as(c.State, c.Reason), nil
			}
			if (r.ID == file || r.File == file) && r.ID != idOf(w.name) {
				shown = r.String()
				return as(r.State, r.Reason), nil
			}
		}
		return false, nil
	})
	return shown, err
}

// noBundles lays things into the folder that are none.
func (s *stage) noBundles(ctx context.Context, w *watched) error {
	jar := w.parcel()
	in := func(name string) string { return filepath.Join(w.drop(), name) }
	elsewhere := filepath.Join(s.dir, "elsewhere.jar")
	err := errors.Join(
		os.WriteFile(in("garbage.jar"), []byte("this is no archive, and it stays as it is\n"), 0o644),
		os.WriteFile(in("empty.jar"), nil, 0o644),
		os.WriteFile(in(".hidden.jar"), jar, 0o644),
		os.WriteFile(in("bundle.zip"), jar, 0o644),
		os.WriteFile(elsewhere, jar, 0o644),
		os.Symlink(elsewhere, in("link.jar")),
		os.Mkdir(in("folder.jar"), 0o755),
		syscall.Mkfifo(in("pipe.jar"), 0o644),
	)
	if err != nil {
		return err
	}
	shown, err := s.awaitFile(ctx, w, patience, "garbage.jar", shownAs("failed"))
	s.figure("garbage", shown, "failed", err == nil)
	shown, err = s.awaitFile(ctx, w, patience, "empty.jar", shownAs("pending"))
	s.figure("an empty file", shown, "pending", err == nil)
	// A rescan later nothing of the rest may have been taken for a bundle.
	if err := pause(ctx, 2500*time.Millisecond); err != nil {
		return err
	}
	return w.keeps(ctx, "what is no bundle")
}
