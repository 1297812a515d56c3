package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// told follows the events of a host: what is known of each row and job, and in which order
// it came.
type told struct {
	w     *world
	sub   *host.Subscription
	last  uint64
	order []string // "running org.m.Moody", "removed …", "starting install-…", "reset"
}

func (w *world) follow(after uint64) *told {
	w.t.Helper()
	sub, err := w.Events(after)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(sub.Close)
	return &told{w: w, sub: sub}
}

// until reads until words have come that begin like these, in any order.
func (f *told) until(words ...string) {
	f.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(words) > 0 {
		n, err := f.sub.Next(ctx)
		if err != nil {
			f.w.t.Fatalf("waiting for %q: %v, after %q", words, err, f.order)
		}
		if n.Seq <= f.last {
			f.w.t.Fatalf("event %d comes behind %d", n.Seq, f.last)
		}
		f.last = n.Seq
		said := string(n.Kind)
		switch n.Kind {
		case host.NoticeExtension:
			said = string(n.Extension.State) + " " + n.ID + " " + n.Extension.Version
		case host.NoticeRemoved:
			said += " " + n.ID
		case host.NoticeJob:
			said = string(n.Job.State) + " " + n.ID
		}
		f.order = append(f.order, said)
		words = slices.DeleteFunc(words, func(word string) bool { return strings.HasPrefix(said, word) })
	}
}

func TestEventsTellWhatChanges(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	f := w.follow(0)
	up, err := w.upload(moody{version: "1"}.jar(t), false)
	if err != nil {
		t.Fatal(err)
	}
	f.until("done "+up.Job, "running "+theID+" 1")
	w.do(host.Action{Verb: host.VerbDisable, ID: theID})
	f.until("stopped " + theID)
	behind := f.last

	// Whoever is away meanwhile gets how it is when it comes back.
	w.do(host.Action{Verb: host.VerbEnable, ID: theID})
	w.put("broken.jar", []byte("no bundle"))
	w.awaitState("broken.jar", "failed")
	back := w.follow(behind)
	back.until("running " + theID)
	w.removeFile("broken.jar")
	back.until("removed broken.jar")
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID}); err != nil {
		t.Fatal(err)
	}
	back.until("removed " + theID)
	if strings.Contains(strings.Join(back.order, "\n"), "reset") {
		t.Errorf("told %q", back.order)
	}

	// Whoever begins sees what is there, and nothing of what was.
	w.uploads(moody{version: "2"}, "install")
	begins := w.follow(0)
	begins.until("running " + theID + " 2")
	for _, said := range begins.order {
		if strings.HasPrefix(said, "removed") || strings.HasPrefix(said, "stopped") || strings.HasSuffix(said, " 1") || strings.Contains(said, "broken") {
			t.Errorf("at first %q", begins.order)
		}
	}
	w.stop()
	for err == nil {
		_, err = begins.sub.Next(t.Context())
	}
	if err != io.EOF {
		t.Errorf("after the host has stopped: %v", err)
	}

	// The events of a host that was are a reset for the next.
	w = startQuick(t, home)
	w.awaitRunning(theID, "2")
	again := w.follow(back.last)
	again.until("reset")
	again.until("running " + theID)
}

// A row that changes all the time is told now and then, and as it is in the end.
func TestEventsAreFewHoweverOftenARowChanges(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.uploads(moody{version: "1"}, "install")
	f := w.follow(0)
	f.until("running")
	begun := time.Now()
	levels := []string{"debug", "error"}
	const changes = 60
	for n := range changes {
		if _, err := w.act(host.Action{Verb: host.VerbLogLevel, ID: theID, Level: levels[n%2]}); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(begun)
	w.do(host.Action{Verb: host.VerbDisable, ID: theID})
	f.until("stopped " + theID)
	if most := int(took/(250*time.Millisecond)) + 8; len(f.order) > most {
		t.Errorf("%d events of %d changes within %v, want at most %d", len(f.order), changes, took, most)
	}
}

// awaitJob waits until a job is over.
func (w *world) awaitJob(name string) host.Job {
	w.t.Helper()
	var j host.Job
	if !eventually(func() bool { j, _ = w.Job(name); return j.State.Ended() }) {
		w.t.Fatalf("the job is not over: %+v\n%s", j, w.log)
	}
	return j
}

// lastJob is the next job that is over.
func (f *told) lastJob() host.Job {
	f.w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		n, err := f.sub.Next(ctx)
		if err != nil {
			f.w.t.Fatalf("no job is over: %v\n%s", err, f.w.log)
		}
		if n.Job != nil && n.Job.State.Ended() {
			return *n.Job
		}
	}
}

func TestEveryJobEnds(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	f := w.follow(0)
	good := moody{version: "1"}.jar(t)
	for _, c := range []struct {
		name    string
		content []byte
		state   host.JobState
		code    string
	}{
		{"garbage", []byte("no bundle"), host.JobFailed, "not_zip"},
		{"a good one", good, host.JobDone, ""},
		{"again", good, host.JobDone, ""},
		{"a lower one", moody{version: "0.5"}.jar(t), host.JobDone, "held"},
		{"one that does not start", moody{version: "2", mood: "init"}.jar(t), host.JobFailed, "init_failed"},
		{"one that waits", moody{class: "org.n.Needy", version: "1", requires: "org.b.B >=0"}.jar(t), host.JobDone, "dependency_missing"},
	} {
		up, err := w.upload(c.content, false)
		j := f.lastJob()
		if j.State != c.state || j.Code != c.code || j.Bytes != int64(len(c.content)) || j.Total != j.Bytes || j.Actor != "admin" || (j.Message == "") != (c.code == "") {
			t.Errorf("%s: %+v", c.name, j)
		}
		if err == nil && (up.Job != j.Name || up.ID != j.ID || up.Digest != j.Digest || up.Version != j.Version) {
			t.Errorf("%s: the answer is %+v, the job %+v", c.name, up, j)
		}
	}

	// One that does not arrive.
	broken := io.MultiReader(bytes.NewReader(good[:1000]), readFunc(func([]byte) (int, error) { return 0, errors.New("connection reset") }))
	if _, err := w.Upload(t.Context(), host.Upload{Body: broken, Size: -1, Actor: host.Actor{Name: "admin"}}); err == nil {
		t.Fatal("half of a bundle is taken")
	}
	if j := f.lastJob(); j.State != host.JobCanceled || j.Bytes != 1000 || j.Total != 0 {
		t.Errorf("half of a bundle: %+v", j)
	}

	// One whose host stops: what waits for its dependency settles, so this one hangs.
	slow := moody{version: "3", mood: "hang", note: "x"}.jar(t)
	up, err := w.upload(slow, false)
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	if j, ok := w.Job(up.Job); !ok || !j.State.Ended() {
		t.Errorf("the host stops: %+v", j)
	}
	if _, ok := w.Job("install-nothing"); ok {
		t.Error("there is a job that never was")
	}
}

func TestJobsThatAreOverAreKeptForAWhile(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	f := w.follow(0)
	var names []string
	for n := range 201 {
		if _, err := w.upload(fmt.Appendf(nil, "no bundle %d", n), false); err == nil {
			t.Fatal("garbage is taken")
		}
		names = append(names, f.lastJob().Name)
	}
	if _, ok := w.Job(names[0]); ok {
		t.Error("the first of 201 jobs is still there")
	}
	if _, ok := w.Job(names[1]); !ok {
		t.Error("the second of 201 jobs is gone")
	}
}

func TestUploadsAreSafeToRepeat(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	send := func(m moody, key, actor string) (host.Uploaded, error) {
		content := m.jar(t)
		return w.Upload(t.Context(), host.Upload{Body: bytes.NewReader(content), Size: int64(len(content)), Key: key, Actor: host.Actor{Name: actor}})
	}
	first, err := send(moody{version: "1"}, "k1", "anna")
	if err != nil {
		t.Fatal(err)
	}
	w.awaitJob(first.Job)
	same := func(when string) {
		t.Helper()
		again, err := send(moody{version: "1"}, "k1", "anna")
		if err != nil || fmt.Sprint(again) != fmt.Sprint(first) {
			t.Errorf("%s: %+v, %v, want %+v", when, again, err, first)
		}
		var refusal *host.Error
		if _, err := send(moody{version: "2"}, "k1", "anna"); !errors.As(err, &refusal) || refusal.Code != host.CodeConflict || !strings.Contains(refusal.Message, first.Digest) {
			t.Errorf("%s, another bundle: %v", when, err)
		}
	}
	same("at once")
	if row, _ := w.Extension(theID); row.Version != "1" {
		t.Errorf("version %s runs", row.Version)
	}
	for name, c := range map[string][2]string{"another key": {"k2", "anna"}, "another's key": {"k1", "ben"}, "no key": {"", "anna"}} {
		up, err := send(moody{version: "1"}, c[0], c[1])
		if err != nil || up.Job == first.Job || up.Action != "none" {
			t.Errorf("%s: %+v, %v", name, up, err)
		}
	}
	w.stop()
	w = startQuick(t, home)
	w.awaitRunning(theID, "1")
	same("after a restart of the host")
}

func TestMeasuresOfAHost(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.uploads(moody{version: "1"}, "install")
	if !eventually(func() bool { m, ok := w.Measures()[theID]; return ok && m.ResidentBytes > 0 }) {
		t.Fatalf("nobody looks: %+v", w.Measures())
	}
	var m host.Measure
	if !eventually(func() bool {
		w.asks(theType, "hello", "hello")
		m = w.Measures()[theID]
		return m.RequestsPerSecond > 0
	}) || m.P50 == nil || *m.P50 <= 0 || *m.P50 > 1 || *m.P99 < *m.P50 || m.ErrorRate != 0 || m.OpenFiles == 0 {
		t.Errorf("%+v", m)
	}
	if s, ok := w.Series(theID, host.LastMinutes); !ok || s.StepSeconds != 5 || len(s.P50) != 60 || s.RequestsPerSecond[59] == nil {
		t.Errorf("%v %+v", ok, s)
	}
	families, err := w.GathererOf(theID).Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
	}
	for _, name := range []string{
		"jackfield_extension_info", "jackfield_extension_state", "jackfield_requests_total", "jackfield_request_duration_seconds",
		"jackfield_requests_in_flight", "jackfield_requests_queued", "jackfield_request_bytes", "jackfield_response_bytes",
		"jackfield_extension_resident_memory_bytes", "jackfield_extension_cpu_seconds_total", "jackfield_extension_open_fds", "jackfield_extension_start_duration_seconds",
	} {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if names["go_goroutines"] || names["jackfield_bundles"] {
		t.Error("there is more than of this extension")
	}
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID}); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { _, ok := w.Measures()[theID]; return !ok }) {
		t.Error("the measures of a removed extension stay")
	}
}
