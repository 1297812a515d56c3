package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

// badKind is a way in which a new version is no good.
type badKind struct {
	name      string
	behaviour behaviour.Behaviour
	types     bool
	spoil     func(s *stage, jar []byte) []byte
	answers   bool // it is healthy at first
	exclusive bool // the way it is played in where there is no time for both
}

func badKinds(probation time.Duration) []badKind {
	return []badKind{
		{name: "fail_init", behaviour: behaviour.Behaviour{FailInit: true}},
		{name: "fail_check", exclusive: true, behaviour: behaviour.Behaviour{FailCheck: true}},
		{name: "fail_activate", exclusive: true, behaviour: behaviour.Behaviour{FailActivate: true}},
		{name: "exit_in_activate", behaviour: behaviour.Behaviour{ExitInActivate: true}},
		{name: "wrong_types", types: true},
		{name: "broken", spoil: func(s *stage, jar []byte) []byte {
			for range 3 { // within the executable, the bulk of the file
				jar[len(jar)/4+s.rng.IntN(len(jar)/2)] ^= 0xff
			}
			return jar
		}},
		{name: "truncated", exclusive: true, spoil: func(s *stage, jar []byte) []byte { return jar[:len(jar)/4+s.rng.IntN(len(jar)/2)] }},
		{name: "dies", exclusive: true, behaviour: behaviour.Behaviour{DieAfter: int(probation.Milliseconds() / 2)}, answers: true},
	}
}

// badUpgrades brings versions that must not take a good one's place.
func badUpgrades(ctx context.Context, s *stage) error {
	for _, overlap := range []bool{true, false} {
		if err := s.badUpgradesOf(ctx, overlap); err != nil {
			return fmt.Errorf("%s: %w", modeOf(overlap), err)
		}
	}
	return nil
}

// badRun is a row of bad upgrades of one extension.
type badRun struct {
	upgradeRun
	good     parcel
	file     string // of the good version
	tried    int
	kept     int
	explains int
	codes    map[string]string
	restored int // data that was as it had been, after a failed Activate
	spoiled  int
}

func (s *stage) badUpgradesOf(ctx context.Context, overlap bool) error {
	mode := modeOf(overlap)
	set := s.plan.upgradeSettings()
	set["backoff.first"], set["backoff.max"] = "50ms", "200ms" // five tries are to take a second
	h, err := s.host(mode, set)
	if err != nil {
		return err
	}
	b := &badRun{good: good(mode, 1, overlap), codes: map[string]string{}}
	b.file = b.good.file()
	if err := s.startWith(ctx, h, b.good); err != nil {
		return err
	}
	b.upgradeRun = upgradeRun{stage: s, host: h, name: mode, overlap: overlap, total: account(nil), deaths: &deathWatch{}}
	b.load = h.load(ctx, mode, loadRate, loadClients, loadTimeout)
	defer b.load.end()
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	kinds := badKinds(s.plan.probation)
	if s.plan.halves { // each kind in one of both ways
		kinds = slices.DeleteFunc(kinds, func(k badKind) bool { return k.exclusive == overlap })
	}
	for range s.plan.rounds {
		s.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, kind := range kinds {
			if err := b.try(ctx, kind); err != nil {
				b.take(b.good.version)
				b.tell()
				return fmt.Errorf("%s: %w", kind.name, err)
			}
		}
	}
	b.records(b.load.end(), b.good.version)
	b.tell()
	return nil
}

// try brings one bad version, waits for what becomes of it, and takes it away.
func (b *badRun) try(ctx context.Context, kind badKind) error {
	b.tried++
	p := parcel{name: b.name, version: version(1 + b.tried), overlap: b.overlap, behaviour: kind.behaviour}
	p.behaviour.WriteData = !b.overlap
	if kind.types {
		p.types = otherTypes(b.name)
	}
	jar := b.kit.pack(p)
	if kind.spoil != nil {
		jar = kind.spoil(b.stage, jar)
	}
	// Beside the good one's file, or over it.
	file, over := fmt.Sprintf("bad-%d.jar", b.tried), b.rng.IntN(2) == 0
	if over {
		file = b.file
	}
	before, err := b.row(ctx, b.name)
	if err != nil {
		return err
	}
	if err := b.put(file, jar); err != nil {
		return err
	}
	why, err := b.awaitVerdict(ctx, kind, p.version, file)
	if err != nil {
		b.codes[kind.name] = "not told: " + err.Error()
	} else {
		b.explains++
		b.codes[kind.name] = why.Code
	}
	row, err := b.awaitVersion(ctx, b.name, b.good.version)
	if err != nil {
		return err
	}
	// Until what was held or under way is answered, by the one that is to stay.
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	if row, err = b.awaitVersion(ctx, b.name, b.good.version); err != nil {
		return err
	}
	b.judge(kind, p.version, row.PID != before.PID)
	if err := b.sound(ctx); err != nil {
		return err
	}
	if over {
		err = b.put(b.file, b.kit.pack(b.good))
	} else {
		err = os.Remove(filepath.Join(b.drop(), file))
	}
	if err != nil {
		return err
	}
	// The good one's file is back: the same bytes must change nothing.
	if err := pause(ctx, 700*time.Millisecond); err != nil {
		return err
	}
	after, err := b.awaitVersion(ctx, b.name, b.good.version)
	if err == nil && after.PID == row.PID {
		b.kept++
	}
	return err
}

// awaitVerdict waits until the host says why the new version does not run.
func (b *badRun) awaitVerdict(ctx context.Context, kind badKind, version, file string) (*reason, error) {
	var why *reason
	var last []row
	err := await(ctx, patience, "the host says why", func() (bool, error) {
		rows, err := b.rows(ctx)
		if err != nil {
			return false, nil // the host's end is seen by others
		}
		last = rows
		why = verdict(rows, b.name, version, file, kind.name == "truncated")
		return why != nil, nil
	})
	if err != nil {
		err = fmt.Errorf("%w; it has %v", err, last)
	}
	return why, err
}

// verdict finds why a version, or the file that it came in, does not run; nil as long
// as the host has not made up its mind. Half a copy stays pending for a minute.
func verdict(rows []row, name, version, file string, half bool) *reason {
	settled := func(state string, why *reason) *reason {
		if why == nil || why.Code == "" || state != "failed" && !(half && state == "pending") {
			return nil
		}
		return why
	}
	for _, r := range rows {
		c := r.Candidate
		switch {
		case r.ID == idOf(name):
			if c != nil && (c.Version == version || c.File == file) {
				return settled(c.State, c.Reason)
			}
		case r.ID == file || r.File == file:
			return settled(r.State, r.Reason)
		}
	}
	return nil
}

// judge closes the window of one bad version. Restarted says that the good one was
// launched again.
func (b *badRun) judge(kind badKind, version string, restarted bool) {
	records := b.load.cut()
	order := []string{b.good.version}
	if kind.answers {
		order = []string{b.good.version, version, b.good.version}
	}
	lost := b.total.lost
	b.records(records, order...)
	if !kind.answers && b.total.lost > lost { // nobody had sent that process a request
		b.total.failed += b.total.lost - lost
		b.total.kinds["in flight in no process, "+kind.name] += b.total.lost - lost
		b.total.lost = lost
	}
	if kind.name != "fail_activate" && kind.name != "exit_in_activate" || b.overlap || !restarted {
		return
	}
	// The failed version had rewritten the data: the good one must have found its own.
	if len(records) > 0 {
		b.spoiled++
		if found := records[len(records)-1].found; found == b.good.version {
			b.restored++
		} else {
			b.codes["data after "+kind.name] = "of version " + found
		}
	}
}

func (b *badRun) tell() {
	mode := modeOf(b.overlap)
	failed := b.total
	failed.lost = 0
	b.figure(fmt.Sprintf("%s: failed requests in %d bad upgrades", mode, b.tried), failed.failures(), "0", failed.failed == 0 && failed.all > 0)
	if b.total.example != "" {
		b.note("%s, %s: %s", b.stage.name, mode, b.total.example)
	}
	b.figure(mode+": requests in flight in a version that died, and told so", fmt.Sprint(b.total.lost), "reported", true)
	b.figure(mode+": clients that saw versions switch otherwise", fmt.Sprint(b.swaps), "0", b.swaps == 0)
	b.figure(mode+": the good version stayed or came back, and stays", fmt.Sprintf("%d of %d", b.kept, b.tried), "all", b.kept == b.tried)
	var codes string
	for _, kind := range slices.Sorted(maps.Keys(b.codes)) {
		codes += ", " + kind + " " + b.codes[kind]
	}
	b.figure(mode+": the new version is shown with its reason", fmt.Sprintf("%d of %d", b.explains, b.tried), "all", b.explains == b.tried)
	b.note("%s, %s: reasons%s", b.stage.name, mode, codes)
	b.timed(mode+": requests answered a second", fmt.Sprintf("%.0f", b.total.perSecond()), fmt.Sprintf("≥ %d", loadLeast), b.total.perSecond() >= loadLeast)
	b.figure(mode+": longest wait of a request (median, worst)", ms(median(b.waits))+", "+ms(worst(b.waits)), "< "+loadTimeout.String(), worst(b.waits) < loadTimeout)
	if !b.overlap {
		b.figure(mode+": data as it was after a failed Activate", fmt.Sprintf("%d of %d", b.restored, b.spoiled), "all", b.restored == b.spoiled)
		b.checkData(b.name, b.numbers, mode+": ", true)
	}
}
