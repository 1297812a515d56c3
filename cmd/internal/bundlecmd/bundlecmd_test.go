package bundlecmd

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// run executes `bundle` with arguments and returns what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := New()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// folder writes files into a new folder; those under bin/ and *.sh are executable.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "parcel")
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(name, "bin/") || strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const manifest = "extension_class: org.parcel.Parcel\nextension_request: org.parcel.Request\nextension_response: org.parcel.Response\n" +
	"extension_name: Parcel\nextension_version: 1.02"

// here is where this machine's executable lies.
const here = "bin/" + runtime.GOOS + "-" + runtime.GOARCH + "/extension"

// answering is an executable that answers the describe mode, if its request is right.
func answering(types string) string {
	return "#!/bin/sh\n" +
		`[ "$JACKFIELD_DESCRIBE" = 1 ] || exit 4` + "\n" +
		`grep -q '"extension_request":"org.parcel.Request"' || exit 5` + "\n" +
		"cat <<'END'\n" + types + "\nEND\n"
}

const noTypes = `{"types":[]}`

// entries lists the entries of a bundle with their text.
func entries(t *testing.T, file string) (names []string, texts map[string]string) {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	texts = map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
		texts[f.Name] = string(data)
	}
	return names, texts
}

func TestPackTakesWhatBelongs(t *testing.T) {
	dir := folder(t, map[string]string{
		"manifest.mf": manifest, here: answering(`{"types":[{"name":"org.parcel.Send","role":"request","extends":"org.parcel.Request","schema":{"type":"object"}}]}`),
		"bin/plan9-arm/extension": "x", "bin/notes.txt": "x",
		"README.md": "r", "CHANGELOG.md": "c", "LICENSE": "l", "icon.svg": "i", "background.png": "b", "config.schema.json": `{"type":"object"}`,
		"screenshots/1.png": "s", "ui/index.html": "u", "ui/js/a.js": "j", "data/d.bin": "d", "META-INF/extension/extra.txt": "e",
		"notes.txt": "n", "icon.go.txt": "n", "META-INF/other": "n", "background.svg.bak": "n", ".git/config": "n",
	})
	file := filepath.Join(t.TempDir(), "out.jar")
	if _, err := run(t, "pack", dir, "--out", file); err != nil {
		t.Fatal(err)
	}
	names, texts := entries(t, file)
	want := []string{
		"META-INF/MANIFEST.MF", "META-INF/extension/CHANGELOG.md", "META-INF/extension/LICENSE", "META-INF/extension/README.md",
		"META-INF/extension/background.png", "META-INF/extension/config.schema.json", "META-INF/extension/extra.txt", "META-INF/extension/icon.svg",
		"META-INF/extension/screenshots/1.png", "META-INF/extension/types.json", here, "bin/plan9-arm/extension", "data/d.bin", "ui/index.html", "ui/js/a.js",
	}
	slices.Sort(names[1:])
	slices.Sort(want[1:])
	if !slices.Equal(names, want) {
		t.Errorf("entries\n%q, want\n%q", names, want)
	}
	if want := "Manifest-Version: 1.0\r\n" + strings.ReplaceAll(manifest, "\n", "\r\n") + "\r\n\r\n"; texts["META-INF/MANIFEST.MF"] != want {
		t.Errorf("manifest %q, want %q", texts["META-INF/MANIFEST.MF"], want)
	}
	types := "{\n  \"types\": [\n    {\n      \"name\": \"org.parcel.Send\",\n      \"role\": \"request\",\n      \"extends\": \"org.parcel.Request\",\n" +
		"      \"schema\": {\n        \"type\": \"object\"\n      }\n    }\n  ]\n}\n"
	if texts[bundle.TypesName] != types {
		t.Errorf("types.json %s", texts[bundle.TypesName])
	}
}

func TestPackIsReproducible(t *testing.T) {
	files := map[string]string{"manifest.mf": manifest, here: answering(noTypes), "ui/b.html": "b", "ui/a.html": "a", "README.md": strings.Repeat("r", 10_000)}
	var before []byte
	for range 2 {
		file := filepath.Join(t.TempDir(), "out.jar")
		if _, err := run(t, "pack", folder(t, files), "--out", file); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, data) {
			t.Error("the second bundle differs from the first")
		}
		before = data
	}
}

func TestPackBuildsGo(t *testing.T) {
	t.Chdir(t.TempDir())
	_, self, _, _ := runtime.Caller(0)
	hello := filepath.Join(filepath.Dir(self), "..", "..", "..", "examples", "hello")
	out, err := run(t, "pack", hello, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		File, ID  string
		OK        bool `json:"ok"`
		Runnable  bool
		Platforms []string
		Types     []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if !report.OK || !report.Runnable || report.File != "hello-1.0.0.jar" || report.ID != "examples.hello.HelloExtension" || len(report.Types) != 2 ||
		!slices.Equal(report.Platforms, []string{thisMachine().String()}) {
		t.Errorf("report %s", out)
	}
	if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestPackTakesBinariesFromElsewhere(t *testing.T) {
	tools := folder(t, map[string]string{"tool.sh": answering(noTypes), "other": "other"})
	dir := folder(t, map[string]string{
		"META-INF/MANIFEST.MF": manifest + "\nextension_exec: exe/${arch}/${os}", "bin/linux-mips/extension": "ready",
	})
	out := t.TempDir()
	shown, err := run(t, "pack", dir, "--out", out, "--binary", thisMachine().String()+"="+filepath.Join(tools, "tool.sh"),
		"--binary", "plan9/386="+filepath.Join(tools, "other"), "--platform", "linux/mips")
	if err != nil {
		t.Fatal(err)
	}
	names, texts := entries(t, filepath.Join(out, "parcel-1.02.jar"))
	want := []string{"META-INF/MANIFEST.MF", "exe/386/plan9", "exe/" + runtime.GOARCH + "/" + runtime.GOOS, "exe/mips/linux"}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) || texts["exe/386/plan9"] != "other" || texts["exe/mips/linux"] != "ready" {
		t.Errorf("entries %q", names)
	}
	for _, part := range []string{"parcel-1.02.jar", "org.parcel.Parcel", "linux-mips", "sha256:"} {
		if !strings.Contains(shown, part) {
			t.Errorf("printed\n%s\nwithout %q", shown, part)
		}
	}
}

func TestPackKeepsTheFoldersOwnTypes(t *testing.T) {
	own := `{"types":[{"name":"org.parcel.Send","role":"request","extends":"org.parcel.Request"}]}`
	dir := folder(t, map[string]string{"manifest.mf": manifest, "bin/plan9-arm/extension": "not for here", bundle.TypesName: own})
	file := filepath.Join(t.TempDir(), "x.jar")
	if _, err := run(t, "pack", dir, "--out", file); err != nil {
		t.Fatal(err)
	}
	if _, texts := entries(t, file); texts[bundle.TypesName] != own {
		t.Errorf("types.json %s", texts[bundle.TypesName])
	}
}

func TestPackRefuses(t *testing.T) {
	ready := answering(noTypes)
	cases := []struct {
		name  string
		files map[string]string
		args  []string
		code  int
		want  string
	}{
		{"no manifest", map[string]string{here: ready}, nil, 1, "has no manifest"},
		{"two manifests", map[string]string{"manifest.mf": manifest, "META-INF/MANIFEST.MF": manifest}, nil, 1, "several manifests: manifest.mf, META-INF/MANIFEST.MF"},
		{"a bad manifest", map[string]string{"manifest.mf": manifest + "\nextension_nmae: x"}, nil, 1, "manifest.mf:6: manifest_invalid: unknown attribute extension_nmae; did you mean extension_name?"},
		{"a manifest with sections", map[string]string{"manifest.mf": manifest + "\n\nName: a\n"}, nil, 1, "manifest.mf:7: manifest_invalid: the manifest has sections"},
		{"nothing to run", map[string]string{"manifest.mf": manifest}, nil, 1, "nothing to run: neither a Go package nor bin/<os>-<arch>/extension"},
		{"tests only", map[string]string{"manifest.mf": manifest, "a_test.go": "package main"}, nil, 1, "nothing to run"},
		{"a platform that is not there", map[string]string{"manifest.mf": manifest, here: ready}, []string{"--platform", "plan9/arm"}, 1, "no executable for plan9-arm"},
		{"a platform that is none", map[string]string{"manifest.mf": manifest}, []string{"--platform", "linux"}, 2, `"linux" is no platform`},
		{"a binary without a file", map[string]string{"manifest.mf": manifest}, []string{"--binary", "linux-amd64"}, 2, "names no file"},
		{"a binary twice", map[string]string{"manifest.mf": manifest}, []string{"--binary", "a-b=c", "--binary", "a/b=d"}, 2, "twice"},
		{"a binary that is not there", map[string]string{"manifest.mf": manifest}, []string{"--binary", "a-b=/nowhere/x"}, 1, "/nowhere/x"},
		{"one path for two platforms", map[string]string{"manifest.mf": manifest + "\nextension_exec: run", "run": ready}, []string{"--platform", "a/b,c/d"}, 1, "a-b and c-d would both be run"},
		{"types nobody can tell", map[string]string{"manifest.mf": manifest, "bin/plan9-arm/extension": "x"}, nil, 1, "the types are not known"},
		{"an executable that fails", map[string]string{"manifest.mf": manifest, here: "#!/bin/sh\necho broken >&2\nexit 3\n"}, nil, 1, "exit status 3\nbroken"},
		{"an executable that is none", map[string]string{"manifest.mf": manifest, here: "\x7fELF nonsense"}, nil, 1, "asking"},
		{"an answer that is no JSON", map[string]string{"manifest.mf": manifest, here: answering("hello")}, nil, 1, "the types that"},
		{"types that do not fit", map[string]string{"manifest.mf": manifest, here: answering(`{"types":[{"name":"A","role":"request","extends":"B"}]}`)}, nil, 1, `A extends "B", which is not declared`},
		{"an endless answer", map[string]string{"manifest.mf": manifest, here: "#!/bin/sh\nexec head -c 5000000 /dev/zero\n"}, nil, 1, "more than 4194304 bytes"},
		{"own types that do not fit", map[string]string{"manifest.mf": manifest, here: ready, bundle.TypesName: "[]"}, nil, 1, "types_invalid"},
		{"a bad schema", map[string]string{"manifest.mf": manifest, here: ready, "config.schema.json": `{"$ref":"x"}`}, nil, 1, "schema_invalid"},
		{"the same file twice", map[string]string{"manifest.mf": manifest, here: ready, "README.md": "x", "META-INF/extension/README.md": "y"}, nil, 1, "duplicate_name"},
		{"a name no bundle may have", map[string]string{"manifest.mf": manifest, here: ready, "data/a:b": "x"}, nil, 1, "unsafe_path"},
		{"a library", map[string]string{"manifest.mf": manifest, "go.mod": "module x\n", "a.go": "package a\n"}, nil, 1, "is a, not main"},
		{"Go that does not build", map[string]string{"manifest.mf": manifest, "go.mod": "module x\n", "a.go": "package main\nfunc main() { undefined() }\n"}, nil, 1, "undefined: undefined"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			outDir := t.TempDir()
			out := filepath.Join(outDir, "out.jar")
			if err := os.WriteFile(out, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			shown, err := run(t, append([]string{"pack", dir, "--out", out}, c.args...)...)
			if err == nil || output.ExitCode(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v with exit code %d, want %d and %q", err, output.ExitCode(err), c.code, c.want)
			}
			if shown != "" {
				t.Errorf("printed %q", shown)
			}
			if data, err := os.ReadFile(out); err != nil || string(data) != "before" {
				t.Errorf("the bundle from before is %q, %v", data, err)
			}
			if left, err := os.ReadDir(outDir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestPackRefusesLinks(t *testing.T) {
	for _, name := range []string{"README.md", "ui/link", "data"} {
		dir := folder(t, map[string]string{"manifest.mf": manifest, here: answering(noTypes), "ui/index.html": "x"})
		if err := os.Symlink(filepath.Join(dir, "manifest.mf"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, "pack", dir, "--out", filepath.Join(dir, "out.jar")); err == nil || !strings.Contains(err.Error(), name+" is no regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who prints before serve.Main is told so.
func TestPackHintsAtStdout(t *testing.T) {
	dir := folder(t, map[string]string{"manifest.mf": manifest, here: answering("hello " + noTypes)})
	_, err := run(t, "pack", dir, "--out", filepath.Join(t.TempDir(), "out.jar"))
	var told *output.Error
	if !errors.As(err, &told) || !strings.Contains(told.Hint, "before serve.Main") {
		t.Errorf("got %#v", err)
	}
}

// A program that knows no describe mode is not waited for.
func TestDescribeHasADeadline(t *testing.T) {
	dir := folder(t, map[string]string{"slow.sh": "#!/bin/sh\nexec sleep 600\n"})
	b := &builder{work: t.TempDir(), manifest: &bundle.Manifest{}, timeout: 100 * time.Millisecond}
	begin := time.Now()
	if _, err := b.describe(context.Background(), filepath.Join(dir, "slow.sh")); err == nil || !strings.Contains(err.Error(), "no answer within 100ms") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.jar"), filepath.Join(dir, "bad.jar")
	if err := os.WriteFile(good, bundletest.Good(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte("no bundle"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, "inspect", good, "-o", "json")
	var report struct {
		OK   bool   `json:"ok"`
		Code string `json:"code"`
		ID   string `json:"id"`
	}
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || !report.OK || report.ID == "" {
		t.Errorf("%s, %v", out, err)
	}
	if out, err = run(t, "inspect", good); err != nil || !strings.Contains(out, report.ID) || !strings.Contains(out, "sha256:") {
		t.Errorf("%s, %v", out, err)
	}
	for _, file := range []string{bad, filepath.Join(dir, "missing.jar"), dir} {
		out, err := run(t, "inspect", file, "-o", "json")
		if output.ExitCode(err) != output.ExitFailed || json.Unmarshal([]byte(out), &report) != nil || report.OK || report.Code == "" {
			t.Errorf("%s: %s, %v", file, out, err)
		}
		if out, err = run(t, "inspect", file); output.ExitCode(err) != output.ExitFailed || !strings.Contains(out, report.Code) {
			t.Errorf("%s: %s, %v", file, out, err)
		}
	}
}
