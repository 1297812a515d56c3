package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

// parcel is a bundle of a story.
type parcel struct {
	class, version string
	attributes     []bundle.Attribute // more of them
	broken         bool               // its executable is none that can serve
}

func (p parcel) jar(t *testing.T) []byte {
	t.Helper()
	manifest, err := bundle.FormatManifest(append([]bundle.Attribute{
		{Name: "extension_class", Value: p.class},
		{Name: "extension_request", Value: p.class + "Request"},
		{Name: "extension_response", Value: p.class + "Response"},
		{Name: "extension_name", Value: p.class},
		{Name: "extension_version", Value: p.version},
	}, p.attributes...))
	if err != nil {
		t.Fatal(err)
	}
	executable := echoBinary
	if p.broken {
		executable = []byte("#!/bin/sh\nexit 3\n")
	}
	return storedJARof(t, manifest, executable)
}

// place renames a parcel into the drop folder.
func (w *world) place(file string, p parcel) {
	w.t.Helper()
	part := filepath.Join(w.home.Extensions(), "."+file)
	if err := os.WriteFile(part, p.jar(w.t), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(w.home.Extensions(), file)); err != nil {
		w.t.Fatal(err)
	}
}

var admin = host.Actor{Name: "admin", Remote: "127.0.0.1"}

func (w *world) act(verb host.Verb, id string, change ...func(*host.Action)) host.Extension {
	w.t.Helper()
	a := host.Action{Verb: verb, ID: id, Actor: admin}
	for _, c := range change {
		c(&a)
	}
	if _, err := w.Act(w.t.Context(), a); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", verb, id, err, w.log)
	}
	return w.settle(id)
}

func (w *world) settle(id string) host.Extension {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	e, err := w.Settle(ctx, id)
	if err != nil {
		var own *host.Error
		if errors.As(err, &own) && own.Code == host.CodeNotFound {
			return host.Extension{}
		}
		w.t.Fatalf("%s does not settle: %v\n%s", id, err, w.log)
	}
	return e
}

// refused checks that a verb is refused with a code, and returns the error.
func (w *world) refused(code string, a host.Action) *host.Error {
	w.t.Helper()
	a.Actor = admin
	_, err := w.Act(w.t.Context(), a)
	var own *host.Error
	if !errors.As(err, &own) || own.Code != code {
		w.t.Fatalf("%s %s: got %v, want %s", a.Verb, a.ID, err, code)
	}
	return own
}

func (w *world) upload(p parcel, dry bool) host.Uploaded {
	w.t.Helper()
	jar := p.jar(w.t)
	up, err := w.Upload(w.t.Context(), host.Upload{Body: bytes.NewReader(jar), Size: int64(len(jar)), DryRun: dry, Actor: admin})
	if err != nil {
		w.t.Fatalf("uploading %s %s: %v", p.class, p.version, err)
	}
	return up
}

// kinds lists the kinds of the events of an extension, the oldest first.
func (w *world) kinds(id string) []string {
	w.t.Helper()
	page, err := w.History(w.t.Context(), id, "", 500)
	if err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, e := range slices.Backward(page.Events) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// count counts the events of a kind.
func (w *world) count(id, kind string) int {
	w.t.Helper()
	n := 0
	for _, k := range w.kinds(id) {
		if k == kind {
			n++
		}
	}
	return n
}

// traffic sends requests until its end, when the version last has answered: it returns
// what failed, and the versions that answered one of the clients, in their order.
func (w *world) traffic(typ string) (end func(last string) (failed []string, versions []string)) {
	w.t.Helper()
	listener := httptest.NewServer(w.Requests())
	stop := make(chan struct{})
	var mu sync.Mutex
	var failed, versions []string
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := http.Post(listener.URL+"/v1/requests/"+typ, "text/plain", strings.NewReader("x"))
				mu.Lock()
				switch {
				case err != nil:
					failed = append(failed, err.Error())
				case resp.StatusCode != http.StatusOK:
					failed = append(failed, resp.Status)
				case client == 0 && (len(versions) == 0 || versions[len(versions)-1] != resp.Header.Get("Extension-Version")):
					versions = append(versions, resp.Header.Get("Extension-Version"))
				}
				mu.Unlock()
				if err == nil {
					resp.Body.Close()
				}
			}
		})
	}
	return func(last string) ([]string, []string) {
		ok := eventually(func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(versions) > 0 && versions[len(versions)-1] == last
		})
		if !ok {
			w.t.Errorf("version %s does not answer", last)
		}
		close(stop)
		clients.Wait()
		listener.Close()
		return failed, versions
	}
}

func force(a *host.Action) { a.Force = true }
func purge(a *host.Action) { a.Purge = true }

func TestUpgradesFailNoRequest(t *testing.T) {
	for _, mode := range []string{"exclusive", "overlap"} {
		t.Run(mode, func(t *testing.T) {
			w := start(t, t.TempDir())
			p := parcel{class: "org.a.A", version: "1.0", attributes: []bundle.Attribute{{Name: "extension_upgrade", Value: mode}}}
			w.place("a.jar", p)
			w.awaitState("org.a.A", "running")
			end := w.traffic("org.a.ARequest")
			p.version = "2.0"
			w.place("a.jar", p)
			w.await("org.a.A", "version 2.0", func(e host.Extension, _ bool) bool { return e.Version == "2.0" })
			w.act(host.VerbRestart, "org.a.A")
			w.act(host.VerbRollback, "org.a.A")
			e := w.act(host.VerbUnpin, "org.a.A")
			if e.Version != "2.0" || e.State != "running" || e.Restarts != 0 {
				t.Errorf("it is %+v", e)
			}
			failed, versions := end("2.0")
			if len(failed) > 0 || !slices.Equal(versions, []string{"1.0", "2.0", "1.0", "2.0"}) {
				t.Errorf("%d requests failed: %v; answered %v", len(failed), failed, versions)
			}
			kinds := w.kinds("org.a.A")
			for _, want := range []string{"started", "upgraded", "restart", "restarted", "rollback", "unpin"} {
				if !slices.Contains(kinds, want) {
					t.Errorf("the history has no %q: %v", want, kinds)
				}
			}
		})
	}
}

func TestABadVersionTakesNobodysPlace(t *testing.T) {
	home := t.TempDir()
	w := start(t, home, quick)
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	w.awaitState("org.a.A", "running")
	end := w.traffic("org.a.ARequest")
	w.place("a.jar", parcel{class: "org.a.A", version: "2.0", broken: true})
	shown := func(e host.Extension, _ bool) bool {
		return e.State == "running" && e.Version == "1.0" && e.Candidate != nil && e.Candidate.State == "failed"
	}
	e := w.await("org.a.A", "kept, with its candidate", shown)
	if c := e.Candidate; c.Version != "2.0" || c.Reason == nil || c.Reason.Code != "launch_failed" || c.Reason.ExitCode == nil {
		t.Errorf("the candidate is %+v", c)
	}
	if failed, versions := end("1.0"); len(failed) > 0 || len(versions) != 1 {
		t.Errorf("%d requests failed, answered %v", len(failed), versions)
	}
	w.stop()

	// It is not tried again by the next host, and the one that ran runs, though its
	// file is gone.
	w = start(t, home, quick)
	w.await("org.a.A", "kept, with its candidate", shown)
	if n := w.count("org.a.A", "rejected"); n != 1 {
		t.Errorf("it was rejected %d times: %v", n, w.kinds("org.a.A"))
	}
	e = w.act(host.VerbRetry, "org.a.A")
	if n := w.count("org.a.A", "rejected"); !shown(e, true) || n != 2 {
		t.Errorf("after the retry it is %+v, rejected %d times", e, n)
	}
	w.place("a.jar", parcel{class: "org.a.A", version: "3.0"})
	w.await("org.a.A", "version 3.0", func(e host.Extension, _ bool) bool { return e.Version == "3.0" && e.Candidate == nil })
}

func TestPinsAndDisabledExtensionsSurviveARestart(t *testing.T) {
	home := t.TempDir()
	w := start(t, home)
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	w.place("b.jar", parcel{class: "org.b.B", version: "1.0"})
	w.awaitState("org.a.A", "running")
	w.awaitState("org.b.B", "running")
	w.act(host.VerbPin, "org.a.A")
	if e := w.act(host.VerbDisable, "org.b.B"); e.State != "stopped" || e.Reason.Code != "disabled" || e.Enabled || e.PID != 0 {
		t.Errorf("disabled it is %+v", e)
	}
	if status, _ := w.post("org.b.BRequest", "x"); status != http.StatusServiceUnavailable {
		t.Errorf("a disabled extension answers %d", status)
	}
	w.place("a2.jar", parcel{class: "org.a.A", version: "2.0"})
	held := func(e host.Extension, found bool) bool {
		return found && e.State == "waiting" && e.Reason.Code == "held"
	}
	w.await("a2.jar", "held", held)
	w.stop()

	w = start(t, home)
	w.await("a2.jar", "held", held)
	if e := w.awaitState("org.a.A", "running"); e.Version != "1.0" || !e.Versions[0].Pinned {
		t.Errorf("pinned it is %+v", e)
	}
	if e := w.awaitState("org.b.B", "stopped"); e.Enabled {
		t.Errorf("disabled it is %+v", e)
	}
	if e := w.act(host.VerbUnpin, "org.a.A"); e.Version != "2.0" {
		t.Errorf("unpinned it is %+v", e)
	}
	if e := w.act(host.VerbEnable, "org.b.B"); e.State != "running" {
		t.Errorf("enabled it is %+v", e)
	}
	w.refused(host.CodeNotFound, host.Action{Verb: host.VerbPin, ID: "org.a.A", Version: "7"})
	w.refused(host.CodeNotFound, host.Action{Verb: host.VerbEnable, ID: "org.nobody"})
	w.refused(host.CodeConflict, host.Action{Verb: host.VerbRollback, ID: "org.b.B"})
	page, err := w.Audit(t.Context(), "", 500)
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	for _, a := range slices.Backward(page.Events) {
		done = append(done, a.Action+" "+a.Target)
		if a.Actor != "admin" || a.Remote != "127.0.0.1" || !json.Valid(a.Before) || !json.Valid(a.After) {
			t.Errorf("the audit trail says %+v", a)
		}
	}
	if want := []string{"pin org.a.A", "disable org.b.B", "unpin org.a.A", "enable org.b.B"}; !slices.Equal(done, want) {
		t.Errorf("the audit trail has %v, want %v", done, want)
	}
}

func TestWhatOthersNeedIsNotTakenAway(t *testing.T) {
	w := start(t, t.TempDir())
	w.place("b.jar", parcel{class: "org.b.B", version: "1.0", attributes: []bundle.Attribute{{Name: "extension_requires", Value: "org.a.A >=1 <2"}}})
	w.await("b.jar", "waiting", func(e host.Extension, _ bool) bool {
		return e.State == "waiting" && e.Reason.Code == "dependency_missing"
	})
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	b := w.awaitState("org.b.B", "running")
	a, _ := w.Extension("org.a.A")
	if b.Started.Before(*a.Started) {
		t.Error("it started before what it requires")
	}
	for _, verb := range []host.Verb{host.VerbDisable, host.VerbRemove} {
		if refused := w.refused(host.CodeConflict, host.Action{Verb: verb, ID: "org.a.A"}); !slices.Equal(refused.Others, []string{"org.b.B"}) {
			t.Errorf("%s names %v", verb, refused.Others)
		}
	}
	w.act(host.VerbDisable, "org.a.A", force)
	w.await("b.jar", "waiting", func(e host.Extension, _ bool) bool { return e.State == "waiting" })
	w.act(host.VerbEnable, "org.a.A")
	w.awaitState("org.b.B", "running")
}

func TestRemovalAndPurge(t *testing.T) {
	w := start(t, t.TempDir())
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	w.awaitState("org.a.A", "running")
	w.place("a.jar", parcel{class: "org.a.A", version: "2.0"})
	w.await("org.a.A", "version 2.0", func(e host.Extension, _ bool) bool { return e.Version == "2.0" })
	w.act(host.VerbRemove, "org.a.A")
	w.await("org.a.A", "gone", func(_ host.Extension, found bool) bool { return !found })
	if left, _ := filepath.Glob(filepath.Join(w.home.Extensions(), "*")); len(left) > 0 {
		t.Errorf("the folder holds %v", left)
	}
	if _, err := os.Stat(w.home.Data("org.a.A")); err != nil {
		t.Errorf("its data are gone: %v", err)
	}
	if kinds := w.kinds("org.a.A"); kinds[len(kinds)-1] != "removed" {
		t.Errorf("the history ends with %v", kinds)
	}
	if _, err := w.Act(t.Context(), host.Action{Verb: host.VerbRemove, ID: "org.a.A", Purge: true, Actor: admin}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{w.home.Data("org.a.A"), w.home.Snapshots("org.a.A"), w.home.ExtensionLog("org.a.A")} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(w.home.Bundles(), "*")); len(left) > 0 {
		t.Errorf("private copies are left: %v", left)
	}
	if _, err := w.History(t.Context(), "org.a.A", "", 10); err == nil {
		t.Error("its history is left")
	}
	page, err := w.Audit(t.Context(), "", 10)
	if err != nil || page.Events[0].Action != "purge" {
		t.Errorf("the audit trail ends with %+v: %v", page.Events[0], err)
	}
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	w.awaitState("org.a.A", "running")
	w.act(host.VerbRemove, "org.a.A", purge)
}

func TestUploads(t *testing.T) {
	w := start(t, t.TempDir())
	one, two := parcel{class: "org.a.A", version: "1.0"}, parcel{class: "org.a.A", version: "2.0"}
	if up := w.upload(one, true); up.Action != "install" || up.State != "starting" || up.From != "" || up.Job != "" {
		t.Errorf("a dry run says %+v", up)
	}
	if left, _ := filepath.Glob(filepath.Join(w.home.Extensions(), "*")); len(left) > 0 {
		t.Errorf("a dry run left %v", left)
	}
	up := w.upload(one, false)
	if e := w.settle("org.a.A"); e.State != "running" || e.Digest != up.Digest || e.File != "org.a.A-1.0.jar" || up.Job == "" {
		t.Errorf("uploaded it is %+v", e)
	}
	if up := w.upload(one, true); up.Action != "none" {
		t.Errorf("the same again: %+v", up)
	}
	if up := w.upload(two, true); up.Action != "upgrade" || up.From != "1.0" {
		t.Errorf("an upgrade: %+v", up)
	}
	w.upload(two, false)
	if e := w.settle("org.a.A"); e.Version != "2.0" {
		t.Errorf("upgraded it is %+v", e)
	}
	if up := w.upload(parcel{class: "org.a.A", version: "1.5"}, true); up.Action != "downgrade" || up.Reason == nil || up.Reason.Code != "held" {
		t.Errorf("a downgrade: %+v", up)
	}
	for code, body := range map[string]string{string(bundle.CodeNotZip): "garbage", string(bundle.CodeNoManifest): emptyZip} {
		_, err := w.Upload(t.Context(), host.Upload{Body: strings.NewReader(body), Size: -1, Actor: admin})
		var own *host.Error
		if !errors.As(err, &own) || own.Code != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
}

// emptyZip is an archive without entries.
const emptyZip = "PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestWhatHappenedWhileTheHostWasDown(t *testing.T) {
	home := t.TempDir()
	w := start(t, home)
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	w.place("b.jar", parcel{class: "org.b.B", version: "1.0"})
	w.awaitState("org.a.A", "running")
	w.awaitState("org.b.B", "running")
	w.stop()
	if err := os.Remove(filepath.Join(w.home.Extensions(), "b.jar")); err != nil {
		t.Fatal(err)
	}
	w.place("a.jar", parcel{class: "org.a.A", version: "2.0"})

	w = start(t, home)
	w.await("org.a.A", "version 2.0", func(e host.Extension, _ bool) bool { return e.Version == "2.0" && e.State == "running" })
	if _, found := w.Extension("org.b.B"); found {
		t.Error("what was removed is there")
	}
	if kinds := w.kinds("org.b.B"); kinds[len(kinds)-1] != "removed" {
		t.Errorf("the history ends with %v", kinds)
	}
	if kinds := w.kinds("org.a.A"); !slices.Contains(kinds, "upgraded") {
		t.Errorf("the new version did not have to prove itself: %v", kinds)
	}
}

func TestALostDatabase(t *testing.T) {
	home := t.TempDir()
	w := start(t, home)
	w.place("a.jar", parcel{class: "org.a.A", version: "1.0"})
	w.awaitState("org.a.A", "running")
	w.act(host.VerbPin, "org.a.A")
	w.stop()

	t.Run("is restored from a backup", func(t *testing.T) {
		if err := os.WriteFile(w.home.Database(), []byte("this was a database"), 0o600); err != nil {
			t.Fatal(err)
		}
		w := start(t, home)
		if e := w.awaitState("org.a.A", "running"); !e.Versions[0].Pinned {
			t.Errorf("it is %+v", e)
		}
		if left, _ := filepath.Glob(w.home.Database() + ".damaged-*"); len(left) != 1 {
			t.Errorf("moved aside is %v", left)
		}
		w.stop()
	})
	lose := func(t *testing.T) {
		for _, path := range []string{w.home.Database(), w.home.Backups()} {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("without one, nothing runs that was not confirmed", func(t *testing.T) {
		lose(t)
		w := start(t, home)
		if e := w.awaitState("org.a.A", "stopped"); e.Enabled || !strings.Contains(e.Reason.Message, "lost") {
			t.Errorf("it is %+v", e)
		}
		w.place("n.jar", parcel{class: "org.n.New", version: "1.0"})
		w.awaitState("org.n.New", "running")
		w.act(host.VerbEnable, "org.a.A")
		w.awaitState("org.a.A", "running")
		w.stop()
	})
	t.Run("unless the administrator says so", func(t *testing.T) {
		lose(t)
		w := start(t, home, func(c *host.Config) { c.RecoverRun = true })
		w.awaitState("org.a.A", "running")
	})
}

// quick makes failures short.
func quick(c *host.Config) {
	c.Settings = func(string) host.Settings {
		s := host.DefaultSettings()
		s.BackoffFirst, s.BackoffMax = 10*time.Millisecond, 50*time.Millisecond
		return s
	}
}
