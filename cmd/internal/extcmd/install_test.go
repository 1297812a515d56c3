package extcmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// bundleOf writes a file that is to be sent.
func bundleOf(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hello 2.jar")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func newHouse() *house {
	settled := rows()[0]
	settled.Version, settled.Digest = "2.0.0", "sha256:bb"
	return &house{rows: rows(), settled: &settled, uploaded: host.Uploaded{
		ID: hello, Version: "2.0.0", Digest: "sha256:bb", Job: "7", Action: "upgrade", From: "1.0.0", State: "starting",
	}}
}

func TestInstall(t *testing.T) {
	content := strings.Repeat("PK and more ", 100_000)
	file := bundleOf(t, content)
	stdin, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	const uploaded = "id        " + hello + "\nversion   2.0.0\naction    upgrade\nruns now  1.0.0\nstate     starting\ndigest    sha256:bb\njob       7\n"
	for _, c := range []struct {
		name    string
		stdin   io.Reader
		args    []string
		want    upload
		settles bool
		out     string
	}{
		{"a file", nil, []string{file}, upload{int64(len(content)), false, content}, true, hello + "  Hello  2.0.0    running"},
		{"a stream", strings.NewReader(content), []string{"-"}, upload{-1, false, content}, true, hello + "  Hello  2.0.0    running"},
		{"a file as the standard input", stdin, []string{"-"}, upload{int64(len(content)), false, content}, true, hello + "  Hello  2.0.0    running"},
		{"without waiting", nil, []string{file, "--no-wait"}, upload{int64(len(content)), false, content}, false, uploaded},
		{"only asking", nil, []string{file, "--dry-run"}, upload{int64(len(content)), true, content}, false, uploaded},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse()
			h.uploaded.Warnings = []string{"same\x1b[2J version"}
			home := string(homeOf(t, h, http.NotFoundHandler()))
			out, said, err := extStreams(c.stdin, append([]string{"install", "--home", home}, c.args...)...)
			if err != nil || !strings.Contains(out, c.out) {
				t.Errorf("%v, printed %s", err, out)
			}
			if said != `jackfield: warning: same\x1b[2J version`+"\n" { // and no bar: this is no terminal
				t.Errorf("stderr %q", said)
			}
			if len(h.uploads) != 1 || h.uploads[0] != c.want {
				t.Errorf("%d uploads", len(h.uploads))
			}
			if (len(h.asked) == 1) != c.settles {
				t.Errorf("the host was asked for %q", h.asked)
			}
		})
	}
	home := string(homeOf(t, newHouse(), http.NotFoundHandler()))
	var e host.Extension
	out, err := ext("", "install", file, "-o", "json", "--home", home)
	if err != nil || json.Unmarshal([]byte(out), &e) != nil || e.ID != hello || e.State != "running" {
		t.Errorf("-o json: %v, %s", err, out)
	}
	var u host.Uploaded
	out, err = ext("", "install", file, "-o", "json", "--dry-run", "--home", home)
	if err != nil || json.Unmarshal([]byte(out), &u) != nil || u.Action != "upgrade" {
		t.Errorf("--dry-run -o json: %v, %s", err, out)
	}
}

// TestInstallEndsElsewhere: success is that what was sent is what runs.
func TestInstallEndsElsewhere(t *testing.T) {
	reason := &host.Reason{Code: "check_failed", Stage: "check", Message: "no\x1b[2J"}
	for _, c := range []struct {
		name   string
		change func(*house)
		args   []string
		want   []string
	}{
		{"it does not start", func(h *house) { h.settled.State, h.settled.Reason = "failed", reason }, nil,
			[]string{`it is failed: check_failed: no\x1b[2J (stage check)`, "hint: 'jackfield ext show " + hello}},
		{"it waits", func(h *house) {
			h.settled.State, h.settled.Reason = "waiting", &host.Reason{Code: "dependency_missing", Stage: "scan", Message: "needs org.b.B"}
		}, nil, []string{"it is waiting: dependency_missing: needs org.b.B"}},
		{"it is disabled", func(h *house) { h.settled.State = "stopped" }, nil, []string{"it is stopped", "hint: 'jackfield ext enable " + hello}},
		{"the old one stays", func(h *house) {
			h.settled.Version, h.settled.Digest = "1.0.0", "sha256:aa"
			h.settled.Candidate = &host.Candidate{Version: "2.0.0", Digest: "sha256:bb", State: "failed", Reason: reason}
		}, nil, []string{`version 2.0.0 has not taken over, 1.0.0 is running; 2.0.0 is failed: check_failed: no\x1b[2J`, "ext history"}},
		{"another one is pinned", func(h *house) { h.settled.Version, h.settled.Digest = "3.0.0", "sha256:cc" }, nil,
			[]string{"version 2.0.0 has not taken over, 3.0.0 is running"}},
		{"it would conflict", func(h *house) {
			h.uploaded.State, h.uploaded.Reason = "conflict", &host.Reason{Code: "name_taken", Stage: "scan", Message: "by org.b.B"}
		}, []string{"--dry-run"}, []string{"it would be conflict: name_taken: by org.b.B"}},
		{"the bundle is bad", func(h *house) { h.refuse = &host.Error{Code: "not_zip", Message: "no end record"} }, nil,
			[]string{"installing hello 2.jar: not_zip: no end record", "hint: 'jackfield bundle inspect FILE'"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse()
			c.change(h)
			home := string(homeOf(t, h, http.NotFoundHandler()))
			_, err := ext("", append([]string{"install", bundleOf(t, "PK"), "--home", home}, c.args...)...)
			wantError(t, err, 1, c.want...)
		})
	}
}

func TestWhatIsNotSent(t *testing.T) {
	h := newHouse()
	home := string(homeOf(t, h, http.NotFoundHandler()))
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"nothing there", filepath.Join(t.TempDir(), "x.jar"), []string{"reading the bundle", "no such file"}},
		{"a folder", t.TempDir(), []string{"is a folder, not a bundle", "hint: 'jackfield bundle pack'"}},
		{"an empty file", bundleOf(t, ""), []string{"is empty"}},
		{"too large a file", bundleOf(t, strings.Repeat("x", maxUpload+1)), []string{"too_large: the bundle is larger than 4194304 bytes, the limit bundle.max_bytes", "hint: set bundle.max_bytes"}},
	} {
		_, err := ext("", "install", c.file, "--home", home)
		wantError(t, err, 1, c.want...)
	}
	// Nobody knows how long a stream will be; the answer is heard all the same.
	_, _, err := extStreams(endless{}, "install", "-", "--home", home)
	wantError(t, err, 1, "installing the standard input: too_large", "bundle.max_bytes")
	_, _, err = extStreams(io.MultiReader(strings.NewReader("PK"), broken{}), "install", "-", "--home", home)
	wantError(t, err, 1, "the pipe broke")
	_, err = ext("", "install", bundleOf(t, "PK"), "--home", home, "--token", "wrong-token-wrong-token")
	wantError(t, err, 1, "unauthenticated")
	if len(h.uploads) != 0 {
		t.Errorf("%d uploads came through", len(h.uploads))
	}
}

// TestRefusedMidway: a host that can take no more is heard while the bundle is still
// on its way.
func TestRefusedMidway(t *testing.T) {
	home := string(homeOf(t, &house{full: true}, http.NotFoundHandler()))
	for _, stdin := range []io.Reader{endless{}, io.LimitReader(endless{}, 3<<20)} {
		_, _, err := extStreams(stdin, "install", "-", "--home", home)
		wantError(t, err, 1, "unavailable: the disk is full", "hint: try again in 5 s")
	}
	_, err := ext("", "install", bundleOf(t, strings.Repeat("x", 3<<20)), "--home", home)
	wantError(t, err, 1, "unavailable: the disk is full")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the pipe broke") }

func TestAsk(t *testing.T) {
	for reply, yes := range map[string]bool{
		"y\n": true, "YES \r\n": true, "yes": true, "\n": false, "": false, "n\n": false, "yess\n": false, strings.Repeat("y", 5000): false,
	} {
		var out strings.Builder
		err := ask(t.Context(), strings.NewReader(reply), &out, "sure? ", "nothing was removed")
		if (err == nil) != yes || out.String() != "sure? " {
			t.Errorf("%.10q: %v, asked %q", reply, err, out.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, _ := io.Pipe()
	if err := ask(ctx, in, io.Discard, "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
}
