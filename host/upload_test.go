package host_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

func (w *world) upload(content []byte, dry bool) (host.Uploaded, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return w.Upload(ctx, host.Upload{
		Body: bytes.NewReader(content), Size: int64(len(content)), DryRun: dry,
		Actor: host.Actor{Name: "admin", Remote: "192.0.2.7"},
	})
}

// uploads uploads what must be taken, and waits for what comes of it.
func (w *world) uploads(m moody, action string) host.Extension {
	w.t.Helper()
	content := m.jar(w.t)
	dry, err := w.upload(content, true)
	if err != nil || dry.Job != "" {
		w.t.Fatalf("dry run: %+v, %v", dry, err)
	}
	up, err := w.upload(content, false)
	if err != nil || up.Job == "" {
		w.t.Fatalf("upload: %+v, %v", up, err)
	}
	if dry.Action != action || up.Action != action || dry.Digest != up.Digest || up.ID != theID || up.Version != m.version {
		w.t.Errorf("the dry run says %+v, the upload %+v, want %s", dry, up, action)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := w.Settle(ctx, theID)
	if err != nil {
		w.t.Fatalf("the upload does not settle: %v\n%s", err, w.log)
	}
	return e
}

func TestUpload(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	if row := w.uploads(moody{version: "1"}, "install"); row.Version != "1" || row.State != "running" {
		t.Errorf("after the first upload: %+v", row)
	}
	if row := w.uploads(moody{version: "1"}, "none"); row.Version != "1" || row.State != "running" {
		t.Errorf("after the same upload again: %+v", row)
	}
	if row := w.uploads(moody{version: "2"}, "upgrade"); row.Version != "2" || row.State != "running" {
		t.Errorf("after an upgrade: %+v", row)
	}
	before, _ := w.Extension(theID)
	if row := w.uploads(moody{version: "2", note: "other bytes"}, "replace"); row.Digest == before.Digest || row.State != "running" {
		t.Errorf("after other bytes of the same version: %+v", row)
	}
	if row := w.uploads(moody{version: "1.5"}, "downgrade"); row.Version != "2" || row.State != "running" {
		t.Errorf("after a lower version: %+v", row)
	}
	row := w.uploads(moody{version: "3", mood: "init"}, "upgrade")
	if row.Version != "2" || row.Candidate == nil || row.Candidate.Version != "3" || row.Candidate.State != "failed" {
		t.Errorf("after a bad version: %+v, candidate %+v", row, row.Candidate)
	}
	w.awaitEvents(theID, "uploaded 1", "started 1", "uploaded 2", "upgraded 2", "uploaded 3", "rejected 3")

	page, err := w.Audit(t.Context(), "", 1)
	if err != nil || len(page.Events) != 1 || page.Events[0].Action != "upload" || page.Events[0].Remote != "192.0.2.7" ||
		!strings.Contains(string(page.Events[0].After), row.Candidate.Digest) {
		t.Errorf("the audit trail: %+v, %v", page, err)
	}
}

func TestDryRunKeepsNothing(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	up, err := w.upload(moody{version: "1"}.jar(t), true)
	if err != nil || up.Action != "install" || up.State != "starting" || up.From != "" || up.Reason != nil {
		t.Errorf("got %+v, %v", up, err)
	}
	needy, err := w.upload(moody{version: "1", requires: "org.b.B >=0"}.jar(t), true)
	if err != nil || needy.State != "waiting" || needy.Reason == nil || needy.Reason.Code != "dependency_missing" {
		t.Errorf("got %+v, %v", needy, err)
	}
	for _, path := range []string{w.home.Extensions(), w.home.Bundles()} {
		if !eventually(func() bool {
			files, err := filepath.Glob(filepath.Join(path, "*"))
			return err == nil && len(files) == 0
		}) {
			t.Errorf("something is left in %s", path)
		}
	}
	if rows := w.Snapshot(); len(rows) != 0 {
		t.Errorf("rows after a dry run: %+v", rows)
	}
	page, err := w.Audit(t.Context(), "", 10)
	if err != nil || len(page.Events) != 1 || page.Events[0].Action != "add-user" { // the first user
		t.Errorf("the audit trail after a dry run: %+v, %v", page, err)
	}
}

func TestUploadIsRefused(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir(), func(cfg *host.Config) { cfg.Limits.FileBytes = int64(len(moodyBinary)) + 64<<10 })
	good := moody{version: "1"}.jar(t)
	for _, c := range []struct {
		name    string
		content []byte
		code    string
	}{
		{"garbage", []byte("this is no bundle"), "not_zip"},
		{"nothing", nil, "not_zip"},
		{"a part", good[:len(good)/2], "truncated"},
		{"no manifest", storedJAR(t, executable(moodyBinary)), "no_manifest"},
		{"too big", slices.Concat(good, make([]byte, 128<<10)), host.CodeTooLarge},
	} {
		for _, dry := range []bool{true, false} {
			var refusal *host.Error
			if up, err := w.upload(c.content, dry); !errors.As(err, &refusal) || refusal.Code != c.code || refusal.Message == "" {
				t.Errorf("%s, dry %v: %+v, %v", c.name, dry, up, err)
			}
		}
	}
	if rows := w.Snapshot(); len(rows) != 0 {
		t.Errorf("rows: %+v", rows)
	}
}

// TestUploadOnItsWayIsPrivate: nobody else on this machine reads or changes it before it
// was verified.
func TestUploadOnItsWayIsPrivate(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	content := moody{version: "1"}.jar(t)
	half := len(content) / 2
	begun, end := make(chan struct{}), make(chan struct{})
	body := io.MultiReader(bytes.NewReader(content[:half]), readFunc(func([]byte) (int, error) {
		close(begun)
		<-end
		return 0, io.EOF
	}), bytes.NewReader(content[half:]))
	done := make(chan error, 1)
	go func() {
		_, err := w.Upload(context.Background(), host.Upload{Body: body, Size: int64(len(content)), Actor: host.Actor{Name: "admin"}})
		done <- err
	}()
	<-begun
	files := 0
	for _, dir := range []string{w.home.Bundles(), w.home.Extensions()} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			info, err := d.Info()
			if err != nil {
				return err
			}
			above, err := os.Stat(filepath.Dir(path))
			if err == nil && info.Mode()&0o077 != 0 && above.Mode()&0o077 != 0 {
				t.Errorf("%s has the mode %v in a folder with the mode %v", path, info.Mode(), above.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if files == 0 {
		t.Error("nothing of the upload is to be found")
	}
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
