package bundle_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// mustVerify verifies what has to be sound.
func mustVerify(t *testing.T, data []byte) *bundle.Verified {
	t.Helper()
	v, err := verify(data, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerified(t *testing.T) {
	types := `{"types":[{"name":"examples.hello.HelloRequest","role":"request","response":"examples.hello.HelloResponse"}]}`
	data := bundletest.Good(
		bundletest.WithFile(bundle.TypesName, []byte(types)),
		bundletest.WithFile(bundle.ConfigSchemaName, []byte(`{"type":"object"}`)))
	v := mustVerify(t, data)
	if !v.Valid() || v.Manifest().Name != "Hello" || v.Size() != int64(len(data)) {
		t.Errorf("%v %+v %d", v.Valid(), v.Manifest(), v.Size())
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); v.Digest() != want {
		t.Errorf("digest %s, want %s", v.Digest(), want)
	}
	if !v.HasTypes() || len(v.Types()) != 1 || string(v.ConfigSchema()) != `{"type":"object"}` {
		t.Errorf("%v %+v %s", v.HasTypes(), v.Types(), v.ConfigSchema())
	}
	if entry, ok := v.Executable("linux", "amd64"); !ok || entry != "bin/linux-amd64/extension" {
		t.Errorf("executable %q %v", entry, ok)
	}
	if entry, ok := v.Executable("plan9", "mips"); ok || entry != "bin/plan9-mips/extension" {
		t.Errorf("executable %q %v", entry, ok)
	}
	if v.Signature().State != bundle.SignatureUnsigned || v.Warnings() == nil || len(v.Warnings()) != 0 {
		t.Errorf("%+v %q", v.Signature(), v.Warnings())
	}
	var zero *bundle.Verified
	if zero.Valid() || new(bundle.Verified).Valid() {
		t.Error("a zero value is valid")
	}
}

func TestPlatforms(t *testing.T) {
	none := bundletest.Edit(func(c *bundletest.Content) { clear(c.Files) })
	file := func(name string) bundletest.Edit { return bundletest.WithFile(name, []byte("x")) }
	for _, c := range []struct {
		name  string
		edits []bundletest.Edit
		want  []string
	}{
		{"classes only", []bundletest.Edit{file("org/example/Main.class")}, []string{}},
		{"sorted", []bundletest.Edit{file("bin/windows-amd64/extension"), file("bin/linux-arm64/extension"), file("bin/linux-amd64/extension")},
			[]string{"linux-amd64", "linux-arm64", "windows-amd64"}},
		{"unknown to Go", []bundletest.Edit{file("bin/beos-vax/extension")}, []string{"beos-vax"}},
		{"another name or case", []bundletest.Edit{file("bin/linux-amd64/Extension"), file("bin/linux-amd64/extension.exe")}, []string{}},
		{"a folder", []bundletest.Edit{file("bin/linux-amd64/extension/x")}, []string{}},
		{"pattern", []bundletest.Edit{bundletest.With("extension_exec", "exec/${arch}/${os}/run.exe"), file("exec/amd64/linux/run.exe")}, []string{"linux-amd64"}},
		{"pattern with a name twice", []bundletest.Edit{bundletest.With("extension_exec", "${os}/${os}-${arch}"), file("linux/linux-arm"), file("linux/darwin-arm")}, []string{"linux-arm"}},
		{"pattern with touching names", []bundletest.Edit{bundletest.With("extension_exec", "bin/${arch}${os}"), file("bin/amd64linux")}, []string{"linux-amd64"}},
		{"pattern without arch", []bundletest.Edit{bundletest.With("extension_exec", "bin/${os}/run"), file("bin/darwin/run")}, []string{"darwin-amd64", "darwin-arm64"}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			v := mustVerify(t, bundletest.Good(append([]bundletest.Edit{none}, c.edits...)...))
			if got := v.Platforms(); !slices.Equal(got, c.want) {
				t.Errorf("platforms %q, want %q", got, c.want)
			}
		})
	}
}

func TestUnsignedIsWhatHasNothingOfASignature(t *testing.T) {
	for _, name := range []string{"META-INF/sub/SIGNER.SF", "META-INF/SIGNER.SF.txt", "data/SIGNER.SF", "META-INF/SIGNAL.txt", "META-\u0131NF/SIGNER.SF"} {
		v := mustVerify(t, bundletest.Good(bundletest.WithFile(name, []byte("x"))))
		if _, signed := v.Signed(); signed || v.Signature().State != bundle.SignatureUnsigned {
			t.Errorf("%s: %+v", name, v.Signature())
		}
	}
}

func TestWarnings(t *testing.T) {
	folder := func(name string) bundletest.Entry {
		return bundletest.Entry{Name: name, Data: []byte{}, Stored: true}
	}
	for _, c := range []struct {
		name, want string
		change     func(a *bundletest.Archive)
	}{
		{"folder first", "", func(a *bundletest.Archive) { a.Entries = slices.Insert(a.Entries, 0, folder("META-INF/")) }},
		{"other folder first", "is not the first file", func(a *bundletest.Archive) { a.Entries = slices.Insert(a.Entries, 0, folder("bin/")) }},
		{"manifest last", "is not the first file", func(a *bundletest.Archive) { slices.Reverse(a.Entries) }},
		{"lower case", "write META-INF/MANIFEST.MF", func(a *bundletest.Archive) { a.Entries[0].Name = "META-INF/manifest.mf" }},
		{"types in another case", "is ignored", func(a *bundletest.Archive) {
			a.Entries = append(a.Entries, bundletest.Entry{Name: "META-INF/extension/Types.json", Data: []byte("{}")})
		}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			a := bundletest.GoodArchive()
			c.change(a)
			got := strings.Join(mustVerify(t, a.Build()).Warnings(), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	data := bundletest.Good()
	f, err := bundle.NewFile(bytes.NewReader(data), int64(len(data)), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := bundle.Verify(ctx, f); !errors.Is(err, context.Canceled) || bundle.CodeOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo.jar")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"absent": filepath.Join(dir, "absent.jar"), "folder": dir, "fifo": fifo, "device": os.DevNull,
	} {
		r := bundle.Inspect(context.Background(), path, bundle.Limits{}, "linux", "amd64")
		if r.OK || r.Code != bundle.CodeUnreadable || r.Message == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, err := bundle.Open(filepath.Join(dir, "absent.jar"), bundle.Limits{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	// A file that became shorter after it was opened.
	good := bundletest.Good()
	for _, cut := range []int{0, 10, len(good) - 1} {
		if _, err := bundle.NewFile(bytes.NewReader(good[:cut]), int64(len(good)), bundle.Limits{}); bundle.CodeOf(err) != bundle.CodeUnreadable {
			t.Errorf("cut to %d: %v", cut, err)
		}
	}
	if _, err := bundle.NewFile(bytes.NewReader(nil), 0, bundle.Limits{}); bundle.CodeOf(err) != bundle.CodeNotZip {
		t.Errorf("an empty file: %v", err)
	}
}

func TestShrinkingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jar")
	good := bundletest.Good()
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := bundle.Open(path, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Verify(context.Background(), f); bundle.CodeOf(err) != bundle.CodeUnreadable {
		t.Errorf("got %v", err)
	}
}

// TestReportJSON pins both shapes of `bundle inspect -o json`.
func TestReportJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jar")
	good := bundletest.Good()
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	inspect := func(goarch string) string {
		out, err := json.Marshal(bundle.Inspect(context.Background(), path, bundle.Limits{}, "linux", goarch))
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	platforms := []string{"linux-amd64"}
	if here := runtime.GOOS + "-" + runtime.GOARCH; here != platforms[0] {
		platforms = append(platforms, here)
		slices.Sort(platforms)
	}
	listed, err := json.Marshal(platforms)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"ok":true,"id":"examples.hello.HelloExtension","name":"Hello","class":"examples.hello.HelloExtension",`+
		`"request":"examples.hello.HelloRequest","response":"examples.hello.HelloResponse","version":"1.0.0",`+
		`"digest":"sha256:%x","size":%d,"platforms":%s,"runnable":true,`+
		`"manifest":{"extension_class":"examples.hello.HelloExtension","extension_name":"Hello","extension_request":"examples.hello.HelloRequest",`+
		`"extension_response":"examples.hello.HelloResponse","extension_version":"1.0.0","manifest-version":"1.0"},`+
		`"types":[],"signature":{"state":"unsigned","code":"","signer":"","organization":"","chain":[]},"warnings":[]}`,
		sha256.Sum256(good), len(good), listed)
	if got := inspect("amd64"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := inspect("mips"); !strings.Contains(got, `"runnable":false`) {
		t.Errorf("got %s", got)
	}
	bad := bundletest.Good(bundletest.With("extension_version", "one"))
	if err := os.WriteFile(path, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	got := inspect("amd64")
	if !strings.HasPrefix(got, `{"ok":false,"code":"manifest_invalid","entry":"META-INF/MANIFEST.MF","line":6,"message":"`) || strings.Contains(got, `"id"`) {
		t.Errorf("got %s", got)
	}
}

func TestErrorText(t *testing.T) {
	e := &bundle.Error{Code: bundle.CodeManifestInvalid, Entry: "a\u202eb", Line: 3, Message: "no"}
	if got, want := e.Error(), `manifest_invalid: "a\u202eb": line 3: no`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wrapped := fmt.Errorf("reading: %w", e)
	if bundle.CodeOf(wrapped) != bundle.CodeManifestInvalid || bundle.CodeOf(errors.New("x")) != "" || bundle.CodeOf(nil) != "" {
		t.Error("CodeOf")
	}
}
