package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"go.etcd.io/bbolt"
)

func TestHistorySurvivesARestart(t *testing.T) {
	folder := t.TempDir()
	f := newFixture(t, folder, "")
	f.accept(at("d", -time.Minute, 1, 2)+`,"speed":3,"heading":4`, at("d", 0, 5, 6))
	track, where := f.whole("d"), f.where(`{}`)
	if err := f.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}

	f = newFixture(t, folder, "")
	if got := f.whole("d"); got.Properties != track.Properties || !slices.Equal(got.Geometry.Coordinates, track.Geometry.Coordinates) {
		t.Errorf("after a restart the track is %+v, was %+v", got, track)
	}
	if got := f.where(`{}`); !maps.Equal(got, where) {
		t.Errorf("after a restart the devices are %v, were %v", got, where)
	}
}

// TestReportIsDurable looks at the file as it is the moment after the answer, the
// way a host that was killed would find it.
func TestReportIsDurable(t *testing.T) {
	folder, later := t.TempDir(), t.TempDir()
	f := newFixture(t, folder, "")
	f.accept(at("d", 0, 1, 2))
	data, err := os.ReadFile(filepath.Join(folder, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(later, historyFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := newFixture(t, later, "").where(`{}`)["d"]; got != "[1 2]" {
		t.Errorf("the device is at %v", got)
	}
}

// count returns how many positions the database says it has, after counting them.
func (f *fixture) count() int {
	f.t.Helper()
	said := 0
	if err := f.history.Load().view(func(b buckets) error {
		said = b.count
		for name, bucket := range map[string]*bbolt.Bucket{bucketHistory: b.history, bucketOrder: b.order} {
			if n := bucket.Stats().KeyN; n != said {
				f.t.Errorf("%s has %d positions, the count is %d", name, n, said)
			}
		}
		return nil
	}); err != nil {
		f.t.Fatal(err)
	}
	return said
}

func TestPruningByAge(t *testing.T) {
	f := newFixture(t, t.TempDir(), `{"retention_days":2}`)
	f.accept(at("a", -47*time.Hour, 1, 1), at("a", -time.Hour, 2, 2), at("b", -47*time.Hour, 3, 3))
	f.clock.Store(noon().Add(2 * time.Hour).UnixNano())
	f.pruner.wake()
	until(t, "two positions have aged", func() bool { return f.count() == 1 })
	if got := f.where(`{}`); len(got) != 1 || got["a"] != "[2 2]" {
		t.Errorf("devices are %v", got)
	}
	if got := f.whole("a").Properties; got.Count != 1 {
		t.Errorf("the track is %+v", got)
	}
}

func TestPruningBySize(t *testing.T) {
	f := newFixture(t, t.TempDir(), `{"max_positions":1000}`)
	f.accept(at("quiet", -time.Hour, 9, 9))
	var positions []string
	for i := range 999 {
		positions = append(positions, at("busy", time.Duration(i-2000)*time.Second/2, float64(i)/100, 0))
	}
	f.accept(positions...)
	if got := f.count(); got != 1000 {
		t.Fatalf("%d positions, want 1000", got)
	}
	f.accept(at("busy", 0, 50, 0), at("busy", time.Second, 51, 0))
	if got := f.count(); got != 1000 {
		t.Errorf("%d positions, want 1000", got)
	}
	if got := f.where(`{}`); len(got) != 1 || got["busy"] != "[51 0]" {
		t.Errorf("devices are %v: the quiet one was the oldest", got)
	}
	if first := f.whole("busy").Geometry.Coordinates[0]; first != (orb.Point{0.01, 0}) {
		t.Errorf("the track begins at %v, want the second position", first)
	}
	// A late position that is older than all that is kept goes at once.
	f.accept(at("late", -20*time.Hour, 1, 1))
	if got := f.where(`{}`); len(got) != 1 {
		t.Errorf("devices are %v", got)
	}
}

func TestLoweredBoundsAreReached(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	var positions []string
	for i := range 5000 {
		positions = append(positions, at(fmt.Sprint(i%7), -time.Duration(i)*time.Minute, 1, float64(i)/100))
	}
	f.accept(positions...)
	if err := f.Configure(t.Context(), []byte(`{"max_positions":-1}`)); err == nil {
		t.Error("a negative bound was taken")
	}
	if err := f.Configure(t.Context(), []byte(`{"max_positions":1000}`)); err != nil {
		t.Fatal(err)
	}
	until(t, "1000 positions are left", func() bool { return f.count() == 1000 })
	if got := f.where(`{"devices":["0"]}`)["0"]; got != "[1 0]" {
		t.Errorf("the newest position is %v", got)
	}
	if err := f.Configure(t.Context(), []byte(`{"retention_days":1}`)); err != nil {
		t.Fatal(err)
	}
	f.clock.Store(noon().Add(20 * time.Hour).UnixNano())
	f.pruner.wake()
	until(t, "those of the last day are left", func() bool { return f.count() == 4*60+1 })
}

// TestHistoryAgainstModel does random things to a history and to a map, and compares.
func TestHistoryAgainstModel(t *testing.T) {
	f := newFixture(t, t.TempDir(), "")
	f.pruner.stop() // the times below are those of 1970
	h := f.history.Load()
	type key struct {
		device string
		time   int64
	}
	model := map[key]position{}
	oldest := func() key {
		return slices.MinFunc(slices.Collect(maps.Keys(model)), func(a, b key) int {
			if a.time != b.time {
				return int(a.time - b.time)
			}
			return strings.Compare(a.device, b.device)
		})
	}
	random := rand.New(rand.NewPCG(7, 8))
	for round := range 150 {
		var positions []position
		for range random.IntN(8) {
			positions = append(positions, position{
				device: fmt.Sprintf("d%d", random.IntN(5)),
				time:   int64(random.IntN(100)) - 30,
				point:  orb.Point{float64(random.IntN(2)), 0},
			})
		}
		most := 20 + random.IntN(60)
		outcomes, err := h.add(t.Context(), positions, most)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range positions {
			want, k := recorded, key{p.device, p.time}
			if old, ok := model[k]; !ok {
				model[k] = p
			} else if want = repeated; !old.same(p) {
				want = different
			}
			if outcomes[i] != want {
				t.Fatalf("round %d: %+v became %v, want %v", round, p, outcomes[i], want)
			}
		}
		for range min(len(model)-most, 2*len(positions)) {
			delete(model, oldest())
		}
		if round%10 == 9 {
			horizon := int64(random.IntN(20)) - 30
			if _, err := h.prune(t.Context(), horizon, most, 1000); err != nil {
				t.Fatal(err)
			}
			for len(model) > 0 && (len(model) > most || oldest().time < horizon) {
				delete(model, oldest())
			}
		}
		compareHistory(t, f, slices.Collect(maps.Values(model)))
	}
}

// compareHistory compares all that is stored with what it should be.
func compareHistory(t *testing.T, f *fixture, want []position) {
	t.Helper()
	slices.SortFunc(want, func(a, b position) int {
		if c := strings.Compare(a.device, b.device); c != 0 {
			return c
		}
		return int(a.time - b.time)
	})
	if got := f.count(); got != len(want) {
		t.Fatalf("%d positions, want %d", got, len(want))
	}
	var tracks, newest, current []position
	for i := range 5 {
		if err := f.history.Load().track(fmt.Sprintf("d%d", i), -1000, 1000, func(p position) error {
			tracks = append(tracks, p)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.EqualFunc(tracks, want, position.same) {
		t.Fatalf("tracks are %v, want %v", tracks, want)
	}
	for i, p := range want {
		if i+1 == len(want) || want[i+1].device != p.device {
			newest = append(newest, p)
		}
	}
	if err := f.history.Load().all(func(p position) error {
		current = append(current, p)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(current, newest, position.same) {
		t.Fatalf("current positions are %v, want %v", current, newest)
	}
}

// TestConcurrentUse reports, asks and prunes at once. What is asked is always one
// moment: of each pair that is reported together, both or none.
func TestConcurrentUse(t *testing.T) {
	f := newFixture(t, t.TempDir(), `{"max_positions":1000}`)
	var work sync.WaitGroup
	const writers, rounds = 4, 60
	for w := range writers {
		work.Go(func() {
			for i := range rounds {
				after := time.Duration(i) * time.Second
				f.accept(at(fmt.Sprint("left", w), after, float64(i), 0), at(fmt.Sprint("right", w), after, float64(i), 0))
			}
		})
		work.Go(func() {
			for range rounds {
				got := f.where(`{}`)
				left, right := got[fmt.Sprint("left", w)], got[fmt.Sprint("right", w)]
				if left != right {
					t.Errorf("left is at %v, right at %v", left, right)
				}
				if track := f.whole(fmt.Sprint("left", w)); track.Geometry != nil && len(track.Geometry.Coordinates) != track.Properties.Count {
					t.Errorf("the track is %+v", track.Properties)
				}
				f.pruner.wake()
				if err := f.Check(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if got := f.count(); got != 2*writers*rounds {
		t.Errorf("%d positions, want %d", got, 2*writers*rounds)
	}
}

// FuzzValues: whatever is read as a stored position is written the same again.
func FuzzValues(f *testing.F) {
	speed := 1.5
	f.Add(position{point: orb.Point{1, 2}}.appendValues(nil))
	f.Add(position{point: orb.Point{1, 2}, speed: &speed}.appendValues(nil))
	f.Add(position{point: orb.Point{1, 2}, speed: &speed, heading: &speed}.appendValues(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var p position
		if err := p.readValues(data); err != nil {
			return
		}
		if again := p.appendValues(nil); !slices.Equal(again, data) {
			t.Errorf("%x became %x", data, again)
		}
	})
}

// FuzzParseTime: what is taken for a time is written in a form that is taken for the
// same time.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-10-01T12:00:00Z", "2026-10-01t12:00:00.5+05:30", "0000-01-01T00:00:00-00:00", "9999-12-31T23:59:59.999999999Z", "", "Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseTime(s)
		if err != nil {
			return
		}
		if again, err := parseTime(formatTime(at)); err != nil || again != at {
			t.Errorf("%q is %d, written %s, read again %d (%v)", s, at, formatTime(at), again, err)
		}
	})
}
