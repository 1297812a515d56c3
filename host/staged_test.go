package host_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

func ann() host.Actor { return host.Actor{Name: "ann", Remote: "192.0.2.9"} }

// stages stages what must be taken.
func (w *world) stages(content []byte) host.Staged {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := w.Stage(ctx, host.Upload{Body: bytes.NewReader(content), Size: int64(len(content)), Actor: ann()})
	if err != nil {
		w.t.Fatalf("staging: %v\n%s", err, w.log)
	}
	return s
}

// installs installs what is staged and waits for what comes of it.
func (w *world) installs(i host.StagedInstall) host.Extension {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	i.Actor = ann()
	up, err := w.InstallStaged(ctx, i)
	if err != nil || up.Job == "" {
		w.t.Fatalf("installing: %+v, %v\n%s", up, err, w.log)
	}
	e, err := w.Settle(ctx, up.ID)
	if err != nil {
		w.t.Fatalf("the installation does not settle: %v\n%s", err, w.log)
	}
	return e
}

// turnsDown checks that an installation is refused with a code.
func (w *world) turnsDown(i host.StagedInstall, code string) {
	w.t.Helper()
	var refusal *host.Error
	if up, err := w.InstallStaged(w.t.Context(), i); !errors.As(err, &refusal) || refusal.Code != code || refusal.Hint == "" {
		w.t.Errorf("%+v, %v, want %s", up, err, code)
	}
}

// shelved lists private storage.
func (w *world) shelved() []string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.home.Bundles(), "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

const typesOfOne = `{"types":[{"name":"` + theID + `.Ask","role":"request","extends":"` + theID + `Request","schema":{"type":"object"}},
{"name":"` + theID + `.Gone","role":"request","extends":"` + theID + `Request"}]}`

const typesOfTwo = `{"types":[{"name":"` + theID + `.Ask","role":"request","extends":"` + theID + `Request","schema":{"type":"object","required":["a"]}},
{"name":"` + theID + `.New","role":"request","extends":"` + theID + `Request"}]}`

func TestStagedIsLookedAtAndInstalled(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	first := moody{version: "1", permissions: "kv"}.jar(t)
	s := w.stages(first)
	if s.Action != "install" || s.ID != theID || s.Changes != nil || s.Size != int64(len(first)) || s.Job != "" || s.Publisher != host.PublisherUnknown ||
		!slices.Equal(s.Permissions, []string{"kv"}) || !slices.Contains(s.Platforms, s.Platform) || s.Class != theID {
		t.Errorf("staged: %+v", s)
	}
	if rows := w.Snapshot(); len(rows) != 0 {
		t.Errorf("rows before the installation: %+v", rows)
	}
	w.turnsDown(host.StagedInstall{Token: s.Token, Actor: host.Actor{Name: "bob"}}, host.CodeNotFound)
	w.turnsDown(host.StagedInstall{Token: s.Token, Installed: "sha256:0", Actor: ann()}, host.CodeConflict)
	row := w.installs(host.StagedInstall{Token: s.Token})
	if row.State != "running" || row.Version != "1" {
		t.Errorf("installed: %+v", row)
	}
	holds(t, row, []string{"kv by ann"}, []string{})
	if again := w.installs(host.StagedInstall{Token: s.Token}); again.Digest != row.Digest {
		t.Errorf("asked twice: %+v", again)
	}

	s = w.stages(moody{version: "2", permissions: "events, kv", overlap: true}.jar(t))
	if s.Changes == nil || !slices.Equal(s.Changes.Asks, []string{"events"}) || s.Changes.UpgradeTo != "overlap" || s.Action != "upgrade" || s.From != "1" {
		t.Errorf("staged: %+v, changes %+v", s, s.Changes)
	}
	row = w.installs(host.StagedInstall{Token: s.Token, Installed: row.Digest, Grant: []string{}})
	if row.Version != "2" || row.State != "running" {
		t.Errorf("upgraded: %+v", row)
	}
	holds(t, row, []string{"kv by ann"}, []string{"events by ann"})

	s = w.stages(moody{version: "3", permissions: "events, kv"}.jar(t))
	if !slices.Equal(s.Denied, []string{"events"}) || len(s.Needs) != 0 {
		t.Errorf("denied before are %q, needs %+v", s.Denied, s.Needs)
	}
	row = w.installs(host.StagedInstall{Token: s.Token, Installed: row.Digest, Grant: []string{"events"}})
	holds(t, row, []string{"events by ann", "kv by ann"}, []string{})
	page, err := w.FindAudit(t.Context(), host.AuditQuery{Actor: "ann", Action: "upload", Target: theID})
	if err != nil || len(page.Events) != 3 || page.Events[0].Remote != "192.0.2.9" || !strings.Contains(string(page.Events[0].After), `"granted":["kv","events"]`) &&
		!strings.Contains(string(page.Events[0].After), `"granted":["events","kv"]`) {
		t.Errorf("the audit trail: %+v, %v", page, err)
	}
}

// TestStagedSaysWhatIsOtherwise: it is the version that should run to which the new one is
// held, whether or not that one comes up.
func TestStagedSaysWhatIsOtherwise(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	s := w.stages(moody{version: "1", permissions: "kv", types: typesOfOne}.jar(t))
	row := w.installs(host.StagedInstall{Token: s.Token})
	s = w.stages(moody{version: "2", permissions: "events", overlap: true, types: typesOfTwo}.jar(t))
	want := &host.Changes{
		Version: "1", Digest: row.Digest, Asks: []string{"events"}, Leaves: []string{"kv"}, UpgradeFrom: "exclusive", UpgradeTo: "overlap",
		Types: []host.TypeChange{
			{Type: theID + ".Ask", Role: "request", Kind: host.ChangeChanged, What: []string{"schema"}},
			{Type: theID + ".Gone", Role: "request", Kind: host.ChangeRemoved},
			{Type: theID + ".New", Role: "request", Kind: host.ChangeAdded},
		},
	}
	if !reflect.DeepEqual(s.Changes, want) {
		t.Errorf("changes %+v, want %+v", s.Changes, want)
	}
}

func TestStagedSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	s := w.stages(moody{version: "1", requires: "org.b.B >=2"}.jar(t))
	if s.State != "waiting" || s.Reason == nil || len(s.Requires) != 1 || s.Requires[0].ID != "org.b.B" || s.Requires[0].Met || s.Requires[0].Constraint != ">=2" {
		t.Errorf("staged: %+v", s)
	}
	if row := w.installs(host.StagedInstall{Token: s.Token}); row.State != "waiting" {
		t.Errorf("installed: %+v", row)
	}
}

func TestStagedOfAnotherPublisher(t *testing.T) {
	a, other := acme(t), trusttest.NewAuthority(t, trusttest.For("other.example", theID))
	w := startStrict(t, t.TempDir(), nil, a, other)
	s := w.stages(signed(t, moody{version: "1"}.jar(t), a))
	if s.Publisher != host.PublisherFirst || s.Signature.State != "valid" || s.Bound != "" {
		t.Errorf("the first: %+v", s)
	}
	row := w.installs(host.StagedInstall{Token: s.Token})
	if s = w.stages(signed(t, moody{version: "2"}.jar(t), a)); s.Publisher != host.PublisherSame || s.Bound == "" || s.State != "starting" {
		t.Errorf("the same: %+v", s)
	}
	s = w.stages(signed(t, moody{version: "2"}.jar(t), other))
	if s.Publisher != host.PublisherChanged || s.State != "refused" || !strings.HasSuffix(s.Signature.Publisher, "@other.example") {
		t.Errorf("another one: %+v", s)
	}
	w.turnsDown(host.StagedInstall{Token: s.Token, Installed: row.Digest, Actor: ann()}, host.CodeConflict)
	if row = w.installs(host.StagedInstall{Token: s.Token, Installed: row.Digest, AcceptPublisher: true}); row.Version != "2" || row.State != "running" {
		t.Errorf("installed: %+v", row)
	}
	page, err := w.FindAudit(t.Context(), host.AuditQuery{Action: "upload", Limit: 1})
	if err != nil || len(page.Events) != 1 || !strings.Contains(string(page.Events[0].After), "@other.example") || !strings.Contains(string(page.Events[0].Before), "@acme.example") {
		t.Errorf("the audit trail: %+v, %v", page, err)
	}
}

func TestStagedIsForgotten(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	s := w.stages(moody{version: "1"}.jar(t))
	w.Unstage(s.Token, ann())
	w.turnsDown(host.StagedInstall{Token: s.Token, Actor: ann()}, host.CodeNotFound)
	if !eventually(func() bool { return len(w.shelved()) == 0 }) {
		t.Errorf("private storage holds %q", w.shelved())
	}
	var refusal *host.Error
	if _, err := w.Stage(t.Context(), host.Upload{Body: strings.NewReader("no bundle"), Size: -1, Actor: ann()}); !errors.As(err, &refusal) || refusal.Code != "not_zip" {
		t.Errorf("what is no bundle: %v", err)
	}

	// What waits when the host ends is gone after its next start.
	w.stages(moody{version: "1"}.jar(t))
	w.stop()
	if len(w.shelved()) == 0 {
		t.Error("nothing is left for the next start to sweep")
	}
	w = startQuick(t, home)
	if !eventually(func() bool { return len(w.shelved()) == 0 }) {
		t.Errorf("after a restart private storage holds %q", w.shelved())
	}
	if files, err := os.ReadDir(w.home.Extensions()); err != nil || len(files) != 0 {
		t.Errorf("the extensions folder holds %v, %v", files, err)
	}
}
