package host_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/store"
)

// status answers with a status.
func status(code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return true
	}
}

// gives answers with these bytes.
func gives(data []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
		return true
	}
}

// breaksOff answers with the beginning of these bytes, and closes the connection.
func breaksOff(data []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		panic(http.ErrAbortHandler)
	}
}

// TestPlanFailsAndNothingStays: one case for each way to fail. What is asked for needs
// another extension, which is good: that one does not stay either.
func TestPlanFailsAndNothingStays(t *testing.T) {
	t.Parallel()
	good := moody{class: deepA, version: "1", requires: deepB + " >=1"}
	for _, c := range []struct {
		name string
		// is what is in the repository; announced is what that says of it, where it differs.
		is        moody
		announced func(*store.Listing, *store.Release)
		spoil     func(data []byte) func(http.ResponseWriter, *http.Request) bool
		prepare   func(t *testing.T, s *shop, w *world, data []byte)
		patience  host.PlanPatience
		limit     int64
		all       bool // is spoilt, not only the one that was asked for
		lands     bool
		code      string
		says      string
	}{
		{name: "nobody answers", is: good, code: "index_unreachable", says: "nothing came",
			spoil: func([]byte) func(http.ResponseWriter, *http.Request) bool { return status(503) }},
		{name: "the file is not there", is: good, code: "index_missing", says: "not there",
			spoil: func([]byte) func(http.ResponseWriter, *http.Request) bool { return status(404) }},
		{name: "other bytes", is: good, code: "index_wrong_digest", says: "not what was announced",
			spoil: func(data []byte) func(http.ResponseWriter, *http.Request) bool {
				other := slices.Clone(data)
				other[len(other)/2] ^= 1
				return gives(other)
			}},
		{name: "the end is missing", is: good, code: "index_unreachable", says: "nothing came",
			spoil: func(data []byte) func(http.ResponseWriter, *http.Request) bool { return breaksOff(data) }},
		{name: "more bytes than announced", is: good, code: "index_too_large", says: "more than",
			spoil: func(data []byte) func(http.ResponseWriter, *http.Request) bool {
				return gives(append(slices.Clone(data), 0))
			}},
		{name: "larger than a bundle may be", is: good, code: "too_large", says: "bundle.max_bytes", limit: 100},
		{name: "the disk is full", is: good, code: "disk_full", says: "make room", prepare: fullDisk},
		{name: "no bundle", is: moody{}, code: "not_zip"},
		{name: "another extension", is: moody{class: "org.x.X", version: "1"}, code: "not_as_announced", says: "org.x.X"},
		{name: "another version", is: moody{class: deepA, version: "9"}, code: "not_as_announced", says: "9"},
		{name: "it requires more than announced", is: moody{class: deepA, version: "1", requires: "org.z.Z >=1"}, code: "not_as_announced", says: "org.z.Z"},
		{name: "it asks for more than announced", is: moody{class: deepA, version: "1", permissions: "kv"}, code: "needs_consent", says: "kv"},
		{name: "it does not come up", is: moody{class: deepA, version: "1", mood: "init"}, code: "init_failed", lands: true},
		{name: "it does not serve", is: moody{class: deepA, version: "1", mood: "activate"}, code: "init_failed", lands: true},
		{name: "all of it takes too long", is: good, code: "deadline_exceeded", patience: host.PlanPatience{Plan: 300 * time.Millisecond}, all: true,
			spoil: func([]byte) func(http.ResponseWriter, *http.Request) bool {
				return func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			s.offer(t, moody{class: deepB, version: "1", hollow: !c.lands})
			data := []byte("no bundle at all")
			c.is.hollow = !c.lands
			if c.is.version != "" {
				data = c.is.jar(t)
			}
			announced := good.announce
			if c.announced != nil {
				announced = c.announced
			}
			s.PublishFile(deepA, "1", data, announced)
			w := installer(t, t.TempDir(), s, func(cfg *host.Config) {
				cfg.PlanPatience.Progress = 200 * time.Millisecond
				if c.patience.Plan > 0 {
					cfg.PlanPatience.Plan = c.patience.Plan
				}
				if c.limit > 0 {
					cfg.Limits.FileBytes = c.limit
				}
			})
			if c.spoil != nil {
				spoil := c.spoil(data)
				s.spoils(func(w http.ResponseWriter, r *http.Request) bool {
					return (c.all || strings.Contains(r.URL.Path, deepA)) && spoil(w, r)
				})
			}
			if c.prepare != nil {
				c.prepare(t, s, w, data)
			}
			p := w.awaitOver(w.begins(request(deepA)).ID)
			if p.State != "failed" || p.Code != c.code || !strings.Contains(p.Message, c.says) {
				t.Errorf("the plan is %s: %s: %s\n%s", p.State, p.Code, p.Message, w.log)
			}
			failed := 0
			for _, step := range p.Steps {
				switch {
				case step.State == "failed" && step.Code == c.code:
					failed++
				case step.State != "undone" || step.Code != "another_step":
					t.Errorf("the step %+v", step)
				}
			}
			if failed != 1 {
				t.Errorf("%d steps have failed: %+v", failed, p.Steps)
			}
			w.isEmpty(c.lands)
		})
	}
}

// isEmpty waits until nothing is left of what was begun. Of what has landed private copies
// stay, as of whatever was removed from the folder.
func (w *world) isEmpty(landed bool) {
	w.t.Helper()
	if !eventually(func() bool {
		list, err := os.ReadDir(w.home.Bundles())
		return err == nil && (landed || len(list) == 0) && len(w.Snapshot()) == 0 && len(w.folder()) == 0
	}) {
		list, _ := os.ReadDir(w.home.Bundles())
		w.t.Errorf("left are %d rows, %q in the folder, %v in private storage\n%s", len(w.Snapshot()), w.folder(), list, w.log)
	}
}

// fullDisk lets the download of a file end on a device that is full: from when another one
// is asked for, and the folder was swept.
func fullDisk(t *testing.T, s *shop, w *world, data []byte) {
	t.Helper()
	sum := sha256.Sum256([]byte("shop\n" + deepA + "\n1\n" + store.Digest(data)))
	path := filepath.Join(w.home.Downloads(), hex.EncodeToString(sum[:16])+".part")
	s.spoils(func(http.ResponseWriter, *http.Request) bool {
		if err := os.Symlink("/dev/full", path); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
		return false
	})
}

func TestPlanGoesOnWhenTheStoreIsBack(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.deep(t, "1")
	w := installer(t, t.TempDir(), s, func(cfg *host.Config) { cfg.PlanPatience.Progress = planPatience })
	var killed atomic.Bool
	s.spoils(func(rw http.ResponseWriter, r *http.Request) bool {
		if killed.Load() {
			panic(http.ErrAbortHandler)
		}
		if !strings.Contains(r.URL.Path, deepB) {
			return false
		}
		killed.Store(true)
		return breaksOff(s.bytesOf(t, r))(rw, r)
	})
	id := w.begins(request(deepA)).ID
	p := w.awaitPlan(id, "waiting for the store", func(p host.Plan) bool { return p.Steps[1].Code == "index_unreachable" })
	if p.Steps[0].State != "ready" || p.Steps[1].State != "downloading" || p.Steps[1].Bytes == 0 || p.Steps[1].Bytes >= p.Steps[1].Total || p.Steps[2].State != "planned" {
		t.Errorf("while the store is down: %+v", p)
	}
	if len(w.folder()) != 0 || len(w.Snapshot()) != 0 {
		t.Errorf("half of it is installed: %q, %+v", w.folder(), w.Snapshot())
	}
	s.mends()
	if p = w.awaitOver(id); p.State != "succeeded" {
		t.Errorf("when the store is back: %+v\n%s", p, w.log)
	}
	if s.ranges.Load() == 0 {
		t.Error("it began anew, and did not go on")
	}
	w.awaitRunning(deepA, "1")
}

func TestPlanIsCanceled(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{class: deepC, version: "1", hollow: true})
	s.offer(t, moody{class: deepB, version: "1", hollow: true, requires: deepC + " >=1"})
	s.offer(t, moody{class: deepA, version: "1", hollow: true, requires: deepB + " >=1"})
	w := installer(t, t.TempDir(), s)
	s.spoils(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
	id := w.begins(request(deepA)).ID
	var refusal *host.Error
	if _, err := w.StartPlan(t.Context(), request(deepB)); !errors.As(err, &refusal) || refusal.Code != host.CodeConflict || !slices.Contains(refusal.Others, deepB) && !slices.Contains(refusal.Others, deepC) {
		t.Errorf("a second plan about the same: %v", err)
	}
	if _, err := w.UndoPlan(t.Context(), id, ann()); !errors.As(err, &refusal) || refusal.Code != host.CodeConflict {
		t.Errorf("undoing a plan that is under way: %v", err)
	}
	w.awaitPlan(id, "downloading", func(p host.Plan) bool { return p.Steps[0].State == "downloading" })
	if _, err := w.CancelPlan(t.Context(), id, ann()); err != nil {
		t.Fatal(err)
	}
	if p := w.awaitOver(id); p.State != "failed" || p.Code != "canceled" || p.Steps[0].State != "failed" || p.Steps[2].State != "undone" {
		t.Errorf("canceled: %+v", p)
	}
	if got := w.decidedAbout(id); got != "start-plan by ann, cancel-plan by ann" {
		t.Errorf("decided was %q", got)
	}
	w.isEmpty(false)
	if list, err := os.ReadDir(w.home.Downloads()); err != nil || len(list) != 0 {
		t.Errorf("downloads that are left: %v, %v", list, err)
	}
}

// TestPlanOfUpgradesIsTakenBack: whatever is wrong with one of it, the versions from before
// serve, of all.
func TestPlanOfUpgradesIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		bad  moody // B 2
		act  func(w *world)
		code string
	}{
		{"it does not come up", moody{mood: "init", overlap: true}, nil, "init_failed"},
		{"it does not serve", moody{mood: "activate"}, nil, "init_failed"},
		{"it dies in its probation", moody{overlap: true}, func(w *world) {
			w.awaitRunning(deepB, "2")
			w.post(deepB+"Request", "die")
		}, "crashed"},
		{"somebody removes it", moody{overlap: true}, func(w *world) {
			w.awaitRunning(deepB, "2")
			w.awaitRunning(deepA, "2")
			if err := os.Remove(filepath.Join(w.home.Extensions(), deepB+"-2.jar")); err != nil {
				w.t.Error(err)
			}
		}, "superseded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			s.offer(t, moody{class: deepB, version: "1", overlap: true})
			s.offer(t, moody{class: deepA, version: "1", requires: deepB + " >=1 <2", overlap: true})
			w := installer(t, t.TempDir(), s, func(cfg *host.Config) {
				settings := cfg.Settings
				cfg.Settings = func(id string) host.Settings {
					x := settings(id)
					x.Probation = 2 * time.Second
					return x
				}
			})
			w.awaitOver(w.begins(request(deepA)).ID)
			before, _ := w.Extension(deepA)
			c.bad.class, c.bad.version = deepB, "2"
			s.offer(t, c.bad)
			s.offer(t, moody{class: deepA, version: "2", requires: deepB + " >=2", overlap: true, permissions: "kv"})
			r := host.PlanRequest{UpdateAll: true, ConsentAll: true, Actor: "ann"}
			id := w.begins(r).ID
			if c.act != nil {
				c.act(w)
			}
			p := w.awaitOver(id)
			if p.State != "failed" || p.Code != c.code {
				t.Errorf("the plan is %s: %s: %s\n%s", p.State, p.Code, p.Message, w.log)
			}
			w.awaitRunning(deepB, "1")
			after := w.awaitRunning(deepA, "1")
			if after.Digest != before.Digest || len(after.Grants) != 0 {
				t.Errorf("what serves: %+v", after)
			}
			if got := w.folder(); !slices.Equal(got, []string{deepA + "-1.jar", deepB + "-1.jar"}) {
				t.Errorf("in the folder: %q", got)
			}
			w.asks(deepA+"Request", "version", "1")
			w.asks(deepB+"Request", "version", "1")
		})
	}
}
