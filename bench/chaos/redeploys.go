package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// rest is what a host holds when nothing is under way.
type rest struct {
	processes, sockets, files, bundles int
	goroutines, descriptors            float64
	resident                           int64
}

// redeployed is how many extensions are redeployed at once.
const redeployed = 4

// redeploys brings one version after another and looks what is left of all of them.
func redeploys(ctx context.Context, s *stage) error {
	h, err := s.host("home", settings{"upgrade.probation": "500ms", "timeouts.drain": "500ms"})
	if err != nil {
		return err
	}
	var first []parcel
	for i := range redeployed {
		first = append(first, good(fmt.Sprintf("again%d", i), 1, true))
	}
	if err := s.startWith(ctx, h, first...); err != nil {
		return err
	}
	total, next := account(nil), 2
	if err := s.redeploy(ctx, h, first, s.plan.warm/redeployed, &next, &total); err != nil {
		return err
	}
	before, err := h.settle(ctx, nil, s.plan.collections)
	if err != nil {
		return err
	}
	began, rounds := time.Now(), (s.plan.redeploys+redeployed-1)/redeployed
	if err := s.redeploy(ctx, h, first, rounds, &next, &total); err != nil {
		return err
	}
	took := time.Since(began) / time.Duration(rounds)
	after, err := h.settle(ctx, &before, s.plan.collections)
	if err != nil {
		s.note("redeploys: %v", err)
	}
	s.figure(fmt.Sprintf("failed requests in %d redeploys, %d at once", rounds*redeployed, redeployed), total.failures(), "0", total.failed+total.lost == 0 && total.all > 0)
	s.figure("a redeploy, on average", ms(took), "reported", true)
	s.tellRest(before, after)
	return h.sound(ctx)
}

// redeploy brings new versions of all of first, round after round, and counts what one
// of them answers meanwhile.
func (s *stage) redeploy(ctx context.Context, h *host, first []parcel, rounds int, next *int, total *tally) error {
	l := h.load(ctx, first[0].name, 100, 50, loadTimeout)
	defer func() { total.add(l.end()) }()
	for range rounds {
		for _, p := range first {
			// Both ways in turn: a change of the way is an upgrade, too.
			if err := h.put(p.file(), s.kit.pack(good(p.name, *next, *next%4 > 1))); err != nil {
				return err
			}
		}
		for _, p := range first {
			if _, err := h.awaitVersion(ctx, p.name, version(*next)); err != nil {
				return err
			}
		}
		*next++
		if err := h.sound(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) tellRest(before, after rest) {
	for _, c := range []struct {
		what        string
		before, now float64
		more        float64 // may be so many more
	}{
		{"processes", float64(before.processes), float64(after.processes), 0},
		{"files in run/ (sockets)", float64(before.sockets), float64(after.sockets), 0},
		{"temporary files", float64(before.files), float64(after.files), 0},
		{"kept bundles", float64(before.bundles), float64(after.bundles), 0},
		{"goroutines", before.goroutines, after.goroutines, 2},
		{"open descriptors", before.descriptors, after.descriptors, 2},
	} {
		s.figure(c.what, fmt.Sprintf("%.0f, then %.0f", c.before, c.now), "as before", c.now <= c.before+c.more)
	}
	growth := float64(after.resident-before.resident) / float64(before.resident)
	s.timed("growth of resident memory", fmt.Sprintf("%.1f %% of %.1f MiB", 100*growth, float64(before.resident)/(1<<20)),
		fmt.Sprintf("≤ %.0f %%", 100*s.plan.rssGrowth), growth <= s.plan.rssGrowth)
}

// settle waits until the host holds no more than before, and returns what it holds.
// Without before it waits until nothing changes for a second.
func (h *host) settle(ctx context.Context, before *rest, collections int) (rest, error) {
	var now rest
	quiet := time.Now()
	err := await(ctx, patience, "the rest as before", func() (bool, error) {
		was := now
		var err error
		if now, err = h.measure(ctx); err != nil {
			return false, err
		}
		if before != nil {
			b := *before
			return now.processes <= b.processes && now.sockets <= b.sockets && now.files <= b.files && now.bundles <= b.bundles &&
				now.goroutines <= b.goroutines && now.descriptors <= b.descriptors, nil
		}
		was.resident, was.goroutines, was.descriptors = now.resident, now.goroutines, now.descriptors
		if was != now {
			quiet = time.Now()
		}
		return time.Since(quiet) > time.Second, nil
	})
	if err != nil && before == nil {
		return now, err
	}
	return now, errors.Join(err, h.giveBack(ctx, &now, collections))
}

// giveBack has the host collect so many times, five seconds apart, and notes the least
// that was resident meanwhile. What is resident depends on where the collector stands, and
// on what it has not given back yet, which it does slowly.
func (h *host) giveBack(ctx context.Context, now *rest, collections int) error {
	for range collections {
		status, _, err := h.call(ctx, http.MethodGet, "http://"+h.admin+"/debug/pprof/heap?gc=1", "", nil)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("asking the host to collect: %d (%w)", status, err)
		}
		for range 100 {
			n, err := residentBytes(h.self.pid)
			if err != nil {
				return err
			}
			now.resident = min(now.resident, n)
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure looks at everything once.
func (h *host) measure(ctx context.Context) (rest, error) {
	values, err := h.metrics(ctx)
	if err != nil {
		return rest{}, err
	}
	r := rest{goroutines: values["go_goroutines"], descriptors: values["process_open_fds"], processes: len(below(processes(), h.self.pid))}
	if r.resident, err = residentBytes(h.self.pid); err != nil {
		return rest{}, err
	}
	var errs [4]error
	var inTemp, hidden int
	r.sockets, errs[0] = count(filepath.Join(h.home, "run"), func(fs.DirEntry) bool { return true })
	inTemp, errs[1] = count(h.temp, func(fs.DirEntry) bool { return true })
	hidden, errs[2] = count(filepath.Join(h.home, "data"), temporary)
	r.files = inTemp + hidden
	bundles, err := os.ReadDir(filepath.Join(h.home, "data", "bundles"))
	r.bundles, errs[3] = len(bundles), err
	return r, errors.Join(errs[:]...)
}

// temporary reports whether a name is one of those that come and go.
func temporary(d fs.DirEntry) bool {
	name := d.Name()
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, ".part") || strings.HasSuffix(name, ".unverified")
}

// count counts what is below dir, and may go away meanwhile.
func count(dir string, which func(fs.DirEntry) bool) (int, error) {
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && path != dir && which(d) {
			n++
		}
		return err
	})
	return n, err
}
