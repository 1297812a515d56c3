package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

var update = flag.Bool("update", false, "write testdata/shapes.txt anew")

// shaped is a command whose -o json is held to its shape. $NAME stands for what an earlier
// one has printed.
type shaped struct {
	line  string
	stdin string
	exit  int
	keep  map[string]string // name: member of what is printed
}

const wordsID = "examples.words.WordsExtension"

// shapedCommands is every command that prints JSON, in an order in which each has something
// to print.
func shapedCommands() []shaped {
	const hello = "examples.hello.HelloExtension"
	const settings = "examples.settings.SettingsExtension"
	ca := " --dir ca --passphrase-file pass"
	return []shaped{
		{line: "version"}, {line: "completion bash"}, {line: "man man"},
		{line: "bundle pack SOURCE/examples/hello --out packed.jar"}, {line: "bundle inspect packed.jar"}, {line: "bundle verify packed.jar", exit: 1},
		{line: "bundle inspect pass", exit: 1},
		{line: "bundle inspect Greenery.jpl"}, {line: "bundle verify Greenery.jpl --trust ."}, {line: "bundle verify Greenery.jpl", exit: 1},
		{line: "bundle verify notes.zip"}, {line: "bundle verify broken.zip", exit: 1},
		{line: "ca init --name Root" + ca}, {line: "ca organization acme.example --name Acme --root-passphrase-file pass" + ca},
		{line: "ca issue acme.example/" + hello + " --key-passphrase-file pass" + ca}, {line: "bundle sign packed.jar --key " + hello + ".key.pem --chain " + hello + ".crt.pem --passphrase-file pass"},
		{line: "ca store store.acme.example --no-passphrase --root-passphrase-file pass" + ca},
		{line: "ca list --dir ca"}, {line: "ca renew acme.example/" + hello + " --key-passphrase-file pass --key " + hello + ".key.pem --out renewed.pem" + ca},
		{line: "ca ocsp delegate acme.example" + ca}, {line: "ca crl --root-passphrase-file pass" + ca},
		{line: "ca ocsp staple acme.example/" + hello + ca}, {line: "ca revoke acme.example/" + hello + " --reason superseded" + ca},
		{line: "ext install hello.jar --dry-run"}, {line: "ext install hello.jar --no-wait"}, {line: "ext install hello.jar"}, {line: "ext install settings.jar"},
		{line: "ext list"}, {line: "ext show " + hello}, {line: "ext show bad.jar"}, {line: "ext top"}, {line: "ext history " + hello}, {line: "ext audit"},
		{line: "ext call examples.hello.HelloRequest {\"name\":\"x\"}"}, {line: "ext level " + hello + " debug"},
		{line: "ext config " + settings}, {line: "ext config " + settings + " set greeting=Salut"},
		{line: "ext disable " + hello}, {line: "ext enable " + hello}, {line: "ext restart " + hello}, {line: "ext pin " + hello}, {line: "ext unpin " + hello},
		{line: "ext recheck " + hello}, {line: "ext retry " + hello},
		{line: "ext install notes.jar"}, {line: "ext revoke " + notesID + " call:examples.hello.HelloRequest"},
		{line: "ext call examples.notes.ListRequest {}"}, {line: "ext logs " + notesID}, // which has a line: nobody greets
		{line: "ext consent " + notesID + " --yes"}, {line: "ext consent " + notesID + " --yes"}, // what was denied; nothing that waits
		{line: "ext install echo.jar"}, {line: "ext install echo2.jar"}, {line: "ext rollback " + echoID}, {line: "ext remove " + hello},
		{line: "ext repo list"}, {line: "ext repo refresh shop"}, {line: "ext repo forget shop --yes"}, {line: "ext repo refresh shop"}, {line: "ext search words"}, {line: "ext outdated"}, {line: "ext plan " + wordsID},
		{line: "ext plan org.example.Nobody", exit: 1}, {line: "ext install " + wordsID + " --yes", keep: map[string]string{"PLAN": "id"}}, {line: "ext plans"}, {line: "ext update"}, {line: "ext undo $PLAN"}, {line: "ext cancel $PLAN", exit: 1},
		{line: "user add vera --generate"}, {line: "user list"}, {line: "user role vera operator"}, {line: "user owner vera " + settings}, {line: "user password vera --generate"},
		{line: "user disable vera"}, {line: "user enable vera"}, {line: "user remove vera"},
		{line: "token new ci", keep: map[string]string{"TOKEN": "id"}}, {line: "token list"}, {line: "token revoke $TOKEN"},
		{line: "backup saved.tar.gz"}, {line: "restore --verify saved.tar.gz"}, {line: "restore saved.tar.gz --home restored"},
		{line: "doctor", exit: 1},
		{line: "store publish hello.jar"}, {line: "store publish settings.jar --no-wait"}, {line: "store publish pass", exit: 1}, {line: "store submissions"}, {line: "store submissions 1"},
		{line: "store approve 1"}, {line: "store reject 2 --reason no"}, {line: "store retry 2"}, {line: "store list"}, {line: "store search hello"}, {line: "store show " + hello}, {line: "store show " + hello + "@1.0.0"},
		{line: "store stats"}, {line: "store download " + hello + " --out downloaded.jar"}, {line: "store export catalogue.zip --roots store-data/root.pem"}, {line: "store import catalogue.zip catalogue --roots store-data/root.pem"}, {line: "store label " + hello + " --add official"},
		{line: "store advisory add " + hello + " --severity low --title x"}, {line: "store advisory list"}, {line: "store revoke " + hello + "@1.0.0 --reason x"}, {line: "store unrevoke " + hello + "@1.0.0"},
		{line: "store deprecate " + hello + "@1.0.0 --reason x"}, {line: "store restore " + hello + "@1.0.0"}, {line: "store withdraw " + hello + "@1.0.0 --reason x"}, {line: "store take-down " + hello + " --reason x"},
		{line: "store org add x.example --pin sha256:" + strings.Repeat("0", 64) + "@x.example"}, {line: "store org list"},
		{line: "store token new ci --org x.example", keep: map[string]string{"STORETOKEN": "id"}}, {line: "store token list"}, {line: "store token revoke $STORETOKEN"}, {line: "store org remove x.example"},
		{line: "store audit"}, {line: "store check"}, {line: "store backup store.tar"}, {line: "store recover store.tar --data copy"},
	}
}

// TestShapesOfEveryCommand: each command that has a manual page and prints JSON is among
// them.
func TestShapesOfEveryCommand(t *testing.T) {
	t.Parallel()
	var man struct{ Files []string }
	if err := json.Unmarshal([]byte(jackfield(t, "man", t.TempDir(), "-o", "json")), &man); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range man.Files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".1"))
	}
	commands := 0
	for _, name := range names {
		isGroup := slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"-") })
		if isGroup || slices.Contains([]string{"jackfield-serve", "jackfield-store-serve", "jackfield-ca-ocsp-serve"}, name) { // these run until they are stopped
			continue
		}
		commands++
		line := strings.ReplaceAll(strings.TrimPrefix(name, "jackfield-"), "-", " ")
		if !slices.ContainsFunc(shapedCommands(), func(c shaped) bool { return strings.HasPrefix(strings.ReplaceAll(c.line, "-", " ")+" ", line+" ") }) {
			t.Errorf("jackfield %s is not among them", line)
		}
	}
	if commands < 40 {
		t.Errorf("found %d commands; do manual pages have other names?", commands)
	}
}

// zipForJameica is a ZIP of this version.
func zipForJameica(t *testing.T, version string) string {
	t.Helper()
	var out bytes.Buffer
	manifest := `<plugin name="demo.notes" version="` + version + `"><requires jameica="2.10+"><import plugin="hibiscus" version="2.10+"/></requires></plugin>`
	if _, err := jameica.WriteArchive(t.Context(), &out, fstest.MapFS{"plugin.xml": {Data: []byte(manifest)}}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestShapes holds what commands print with -o json to testdata/shapes.txt: the path of
// each member, and what it can be. Additions are fine and come with -update; a line that
// goes, or changes, breaks somebody's script.
func TestShapes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	home := host.Home(filepath.Join(dir, "home"))
	sellWords(t, home)
	h, err := startHost(string(home))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	for _, name := range []string{"hello.jar", "settings.jar", "notes.jar", "echo.jar"} {
		if err := os.Symlink(filepath.Join(os.Getenv(envBundles), name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(sourceRoot(), "examples", "echo", "manifest.mf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "echo2"), 0o755); err != nil {
		t.Fatal(err)
	}
	newer := bytes.Replace(manifest, []byte("extension_version: 1.0.0"), []byte("extension_version: 2.0.0"), 1)
	if err := os.WriteFile(filepath.Join(dir, "echo2", "manifest.mf"), newer, 0o600); err != nil {
		t.Fatal(err)
	}
	jackfield(t, "bundle", "pack", filepath.Join(dir, "echo2"), "--binary", runtime.GOOS+"-"+runtime.GOARCH+"="+filepath.Join(os.Getenv(envBundles), "echo"), "--out", filepath.Join(dir, "echo2.jar"))
	root, signer := jpltest.At(time.Now())
	for name, text := range map[string]string{
		filepath.Join(dir, "pass"): "correct horse battery\n", filepath.Join(home.Extensions(), "bad.jar"): "no bundle",
		filepath.Join(dir, "Greenery.jpl"): string(jpltest.Good(jpltest.By(signer)).Build()), filepath.Join(dir, "jami.pem"): string(bundletest.ChainPEM(root.Certificate)),
		filepath.Join(dir, "notes.zip"): zipForJameica(t, "2.1.0"), filepath.Join(dir, "broken.zip"): zipForJameica(t, "2.1.0.4"),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.waitState("bad.jar", "failed"); err != nil {
		t.Fatal(err)
	}
	shop, err := startStore(dir, "store-data", os.Environ(), "--admission", "review", "--unsigned-unsafe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shop.stop() })
	kept, all := map[string]string{"SOURCE": sourceRoot()}, ""
	for _, c := range shapedCommands() {
		if c.line == "ext top" { // the host looks every five seconds
			for _, id := range []string{"examples.hello.HelloExtension", "examples.settings.SettingsExtension"} {
				if err := h.waitMeasured(id); err != nil {
					t.Fatal(err)
				}
			}
		}
		out := runShaped(t, dir, string(home), c, kept)
		if out == nil {
			continue
		}
		all += "jackfield " + c.line + "\n" + shapeOf(t, c.line, out)
	}
	path := filepath.Join("testdata", "shapes.txt")
	if *update {
		if err := os.WriteFile(path, []byte(all), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != all {
		t.Errorf("what -o json prints has changed its shape; if that is right: go test ./cmd/jackfield -run TestShapes -update (%v)\n%s", err, difference(string(want), all))
	}
}

// sellWords configures a repository for a home, in which there is the example words.
func sellWords(t *testing.T, home host.Home) {
	t.Helper()
	shop := storetest.New(t)
	shop.PublishFile(wordsID, "1.0.0", readBundle(t, "words.jar"), func(l *store.Listing, _ *store.Release) { l.Publisher.Pin = "" })
	shop.Advise([]store.Advisory{{ID: "A-1", Listing: wordsID, Affected: "<2", Severity: store.High, Title: "It is only an example", Updated: shop.Now()}}, nil)
	server := httptest.NewServer(shop)
	t.Cleanup(server.Close)
	root := filepath.Join(filepath.Dir(string(home)), "shop.pem")
	text := "repository.shop.url=" + server.URL + "\nrepository.shop.root=" + root + "\n"
	if err := errors.Join(os.MkdirAll(home.Conf(), 0o700), os.WriteFile(root, trusttest.PEM(shop.Authority.Root.Cert), 0o600), os.WriteFile(filepath.Join(home.Conf(), "jackfield.properties"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func runShaped(t *testing.T, dir, home string, c shaped, kept map[string]string) []byte {
	t.Helper()
	var args []string
	for _, word := range strings.Fields(c.line) {
		for name, value := range kept {
			word = strings.ReplaceAll(word, "$"+name, value)
		}
		word = strings.Replace(word, "SOURCE/", kept["SOURCE"]+"/", 1)
		args = append(args, word)
	}
	args = append(args, "-o", "json")
	cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv(envBin), "jackfield"), args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(c.stdin)
	cmd.Env = append(os.Environ(), "JMAP_HOME="+home, "SOURCE_DATE_EPOCH=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if code != c.exit {
		t.Errorf("%s: exit code %d, want %d\n%s%s", c.line, code, c.exit, out, stderr.String())
		return nil
	}
	for name, member := range c.keep {
		var object map[string]any
		if err := json.Unmarshal(out, &object); err != nil {
			t.Fatal(err)
		}
		kept[name] = fmt.Sprint(object[member])
	}
	return out
}

// shapeOf lists the paths of what was printed, each with what stands there, in order.
func shapeOf(t *testing.T, line string, out []byte) string {
	t.Helper()
	found := map[string]map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var value any
		if err := dec.Decode(&value); err != nil {
			t.Errorf("%s prints no JSON: %v\n%s", line, err, out)
			return ""
		}
		collect(found, "", value)
	}
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&b, "\t%s %s\n", path, strings.Join(slices.Sorted(maps.Keys(found[path])), "|"))
	}
	return b.String()
}

// data are members whose names are not ours: attributes, schemas, metrics by name.
var data = regexp.MustCompile(`\.(schema|manifest|values|value|before|after)$`)

func collect(found map[string]map[string]bool, path string, value any) {
	add := func(kind string) {
		if found[path] == nil {
			found[path] = map[string]bool{}
		}
		found[path][kind] = true
	}
	switch v := value.(type) {
	case map[string]any:
		add("object")
		if data.MatchString(path) {
			return
		}
		for name, member := range v {
			collect(found, path+"."+name, member)
		}
	case []any:
		add("list")
		for _, item := range v {
			collect(found, path+"[]", item)
		}
	case nil:
		add("null")
	default:
		add(map[string]string{"string": "string", "float64": "number", "bool": "bool"}[fmt.Sprintf("%T", v)])
	}
}

func difference(want, got string) string {
	var b strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range w {
		if !slices.Contains(g, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range g {
		if !slices.Contains(w, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return b.String()
}
