package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The load of most scenarios.
const (
	loadRate    = 600 // requests a second; at least 500 must be answered
	loadLeast   = 500
	loadClients = 256
	loadTimeout = 20 * time.Second
)

// upgradeSettings are those of hosts that are upgraded.
func (p plan) upgradeSettings() settings {
	return settings{"upgrade.probation": p.probation.String(), "timeouts.drain": p.drain.String()}
}

func modeOf(overlap bool) string {
	if overlap {
		return "overlap"
	}
	return "exclusive"
}

// upgrades upgrades good versions under load.
func upgrades(ctx context.Context, s *stage) error {
	for _, overlap := range []bool{true, false} {
		if err := s.upgradeAll(ctx, overlap); err != nil {
			return fmt.Errorf("%s: %w", modeOf(overlap), err)
		}
	}
	return nil
}

// upgradeRun is a row of upgrades of one extension.
type upgradeRun struct {
	*stage
	*host
	name    string
	overlap bool
	load    *load
	files   []string // in the drop folder, the newest last
	total   tally
	swaps   int             // clients that saw versions go back or others than these
	waits   []time.Duration // the longest in each window
	numbers []int64         // of the requests that were answered
	deaths  *deathWatch
	ways    map[string]int
}

func (s *stage) upgradeAll(ctx context.Context, overlap bool) error {
	mode := modeOf(overlap)
	h, err := s.host(mode, s.plan.upgradeSettings())
	if err != nil {
		return err
	}
	first := good(mode, 1, overlap)
	if err := s.startWith(ctx, h, first); err != nil {
		return err
	}
	u := &upgradeRun{stage: s, host: h, name: mode, overlap: overlap, files: []string{first.file()},
		total: account(nil), deaths: &deathWatch{}, ways: map[string]int{}}
	u.load = h.load(ctx, mode, loadRate, loadClients, loadTimeout)
	defer u.load.end()
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	count := s.plan.upgrades / 2
	for n := 2; n <= count+1; n++ {
		if err := u.upgrade(ctx, n); err != nil {
			u.take(version(n-1), version(n))
			u.tell(count)
			return err
		}
	}
	// The last one's probation is a part of it.
	if err := pause(ctx, s.plan.probation); err != nil {
		return err
	}
	u.records(u.load.end(), version(count+1))
	u.tell(count)
	return nil
}

// upgrade brings version n, in one of the ways in which versions come.
func (u *upgradeRun) upgrade(ctx context.Context, n int) error {
	p := good(u.name, n, u.overlap)
	before, err := u.row(ctx, u.name)
	if err != nil {
		return err
	}
	old, _ := look(before.PID)
	jar := u.kit.pack(p)
	if err := u.bring(ctx, p.file(), jar); err != nil {
		return err
	}
	if _, err := u.awaitVersion(ctx, u.name, p.version); err != nil {
		return err
	}
	u.deaths.expect(ctx, old, max(u.plan.drain, u.plan.probation)+time.Second)
	// The answers that are still under way, and sometimes a rest: an upgrade may meet
	// the probation of the one before, or not.
	rest := 300 * time.Millisecond
	if u.rng.IntN(4) == 0 {
		rest = u.plan.probation + time.Second
	}
	if err := pause(ctx, rest); err != nil {
		return err
	}
	u.take(version(n-1), p.version)
	return u.sound(ctx)
}

// bring is a way: over the last file, beside it, or by upload.
func (u *upgradeRun) bring(ctx context.Context, name string, jar []byte) error {
	last := u.files[len(u.files)-1]
	switch u.rng.IntN(3) {
	case 0:
		u.ways["over the file"]++
		return u.put(last, jar)
	case 1:
		u.ways["upload"]++
		status, err := u.upload(ctx, jar)
		if err == nil && status == http.StatusAccepted {
			u.files = append(u.files, name)
			return u.tidy()
		}
		u.figure("upload", fmt.Sprintf("answered %d (%v)", status, err), "202", false)
	}
	u.ways["beside"]++
	u.files = append(u.files, name)
	if err := u.put(name, jar); err != nil {
		return err
	}
	return u.tidy()
}

// tidy removes the files of versions that are three behind.
func (u *upgradeRun) tidy() error {
	for len(u.files) > 3 {
		if err := os.Remove(filepath.Join(u.drop(), u.files[0])); err != nil && !os.IsNotExist(err) {
			return err
		}
		u.files = u.files[1:]
	}
	return nil
}

// take closes the load's window, in which these versions may have answered in this
// order.
func (u *upgradeRun) take(versions ...string) { u.records(u.load.cut(), versions...) }

func (u *upgradeRun) records(records []record, versions ...string) {
	u.total.add(records)
	u.swaps += len(outOfOrder(records, versions...))
	u.numbers = append(u.numbers, answered(records)...)
	longest := time.Duration(0)
	for _, r := range records {
		longest = max(longest, r.waited())
	}
	u.waits = append(u.waits, longest)
}

// tell makes the lines of the table.
func (u *upgradeRun) tell(count int) {
	mode := modeOf(u.overlap)
	u.figure(fmt.Sprintf("%s: failed requests in %d upgrades %v", mode, count, u.ways), u.total.failures(), "0", u.total.failed+u.total.lost == 0 && u.total.all > 0)
	if u.total.example != "" {
		u.note("%s, %s: %s", u.stage.name, mode, u.total.example)
	}
	u.figure(mode+": clients that saw versions switch other than once", fmt.Sprint(u.swaps), "0", u.swaps == 0)
	u.timed(mode+": requests answered a second", fmt.Sprintf("%.0f", u.total.perSecond()), fmt.Sprintf("≥ %d", loadLeast), u.total.perSecond() >= loadLeast)
	what := mode + ": longest wait of a request during an upgrade (median, worst)"
	if !u.overlap {
		what = "exclusive: hand-over, the longest wait of a request (median, worst)"
	}
	u.figure(what, ms(median(u.waits))+", "+ms(worst(u.waits)), "reported, < "+loadTimeout.String(), worst(u.waits) < loadTimeout)
	u.deaths.tell(u.stage, mode+": old process gone after the switch (worst)")
	if !u.overlap {
		u.checkData(u.name, u.numbers, "exclusive: ", false)
	}
}

// checkData compares what an extension wrote with what it answered.
func (u *upgradeRun) checkData(name string, numbers []int64, prefix string, mayComeBack bool) {
	text, err := os.ReadFile(u.data(name, "journal"))
	if err == nil {
		var j journal
		if j, err = parseJournal(string(text)); err == nil {
			missing := j.missing(numbers)
			u.figure(prefix+"answered requests that are not in the data folder", fmt.Sprintf("%d of %d", missing, len(numbers)), "0", missing == 0 && len(numbers) > 0)
			if !mayComeBack {
				mixed := j.interleaved()
				u.figure(prefix+"versions that wrote while another one did", fmt.Sprint(len(mixed)), "0", len(mixed) == 0)
			}
		}
	}
	if err != nil {
		u.figure(prefix+"data folder", err.Error(), "readable", false)
	}
}

// deathWatch waits for processes to end.
type deathWatch struct {
	wg    sync.WaitGroup
	mu    sync.Mutex
	took  []time.Duration
	late  int
	limit time.Duration
}

// expect has p die within the limit from now.
func (d *deathWatch) expect(ctx context.Context, p process, limit time.Duration) {
	began := time.Now()
	d.limit = limit
	d.wg.Go(func() {
		err := await(ctx, limit+patience, "the death", func() (bool, error) { return p.pid == 0 || !p.alive(), nil })
		d.mu.Lock()
		defer d.mu.Unlock()
		took := time.Since(began)
		d.took = append(d.took, took)
		if err != nil || took > limit {
			d.late++
		}
	})
}

func (d *deathWatch) tell(s *stage, what string) {
	d.wg.Wait()
	s.figure(what, fmt.Sprintf("%s of %d, %d late", ms(worst(d.took)), len(d.took), d.late),
		fmt.Sprintf("≤ %s (the later of drain and probation, and 1 s)", d.limit), d.late == 0 && len(d.took) > 0)
}
