package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// javaPackages are Debian packages whose JARs make the corpus; some three hundred
// different manifests, made by ant, maven, bnd, gradle and by hand.
const javaPackages = "ant bnd ivy junit5 libbatik-java libbcpkix-java libcommons-compress-java libcommons-net-java " +
	"libeclipse-core-runtime-java libequinox-osgi-java libfelix-gogo-runtime-java libhttpclient-java " +
	"libjackson2-databind-java libjetty9-java liblog4j2-java libmockito-java libnetty-java libspring-web-java " +
	"libtomcat10-java libxalan2-java maven testng"

// javaResult is a line of ReadManifests.java.
type javaResult struct {
	Main  map[string]string
	Error string
}

// askJava reads manifests with the JDK.
func askJava(t *testing.T, paths []string) []javaResult {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", filepath.Join("testdata", "ReadManifests.java"))
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("running java (a JDK of version 17 or later is needed: apt-get install default-jdk-headless): %v\n%s", err, stderr.Bytes())
	}
	var results []javaResult
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r javaResult
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		results = append(results, r)
	}
	if len(results) != len(paths) {
		t.Fatalf("java answered %d of %d files: %s", len(results), len(paths), stderr.Bytes())
	}
	return results
}

// lower spells names as we do, and trims where we do.
func (r javaResult) lower() map[string]string {
	out := make(map[string]string, len(r.Main))
	for name, value := range r.Main {
		key := strings.ToLower(name)
		if strings.HasPrefix(key, prefix) {
			value = trimBlanks(value)
		}
		out[key] = value
	}
	return out
}

func attributesOf(sheet *manifestSheet) map[string]string {
	out := make(map[string]string, len(sheet.main))
	for _, a := range sheet.main {
		out[a.key] = a.value
	}
	return out
}

// distinctJARs finds JARs with different manifests and returns both.
func distinctJARs(t *testing.T, roots ...string) (paths []string, manifests [][]byte) {
	t.Helper()
	seen := map[[32]byte]bool{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".jar") {
				return nil // a folder that is not there has no JARs
			}
			data := readJARManifest(path)
			if sum := sha256.Sum256(data); data != nil && !seen[sum] {
				seen[sum] = true
				paths, manifests = append(paths, path), append(manifests, data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths, manifests
}

// readJARManifest returns nil where there is none. Packages contain broken links
// and the odd file that only ends in .jar.
func readJARManifest(path string) []byte {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil
	}
	defer archive.Close()
	for _, f := range archive.File {
		if !strings.EqualFold(f.Name, "META-INF/MANIFEST.MF") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			return nil
		}
		return data
	}
	return nil
}

func TestOrdinaryJARsReadAsInTheJDK(t *testing.T) {
	t.Parallel()
	paths, manifests := distinctJARs(t, "/usr/share/java", "/usr/share/maven-repo")
	if len(paths) < 200 {
		t.Fatalf("found JARs with %d different manifests, at least 200 are needed; apt-get install --no-install-recommends %s", len(paths), javaPackages)
	}
	for i, want := range askJava(t, paths) {
		sheet, err := readManifest(manifests[i])
		switch {
		case err != nil:
			t.Errorf("%s: we refuse it (%v), the JDK reads it (error %q)", paths[i], err, want.Error)
		case want.Error != "":
			t.Errorf("%s: the JDK refuses it (%s), we read it", paths[i], want.Error)
		case !maps.Equal(attributesOf(sheet), want.lower()):
			t.Errorf("%s: we read\n%q, the JDK\n%q", paths[i], attributesOf(sheet), want.lower())
		}
	}
	t.Logf("%d different manifests", len(paths))
}

// oddManifests makes manifests that are wrong or strange in one or two places.
func oddManifests() [][]byte {
	g := rand.New(rand.NewPCG(7, 7))
	pick := func(list ...string) string { return list[g.IntN(len(list))] }
	line := func() string {
		return pick("Manifest-Version: 1.0", "extension_class: a.B", "EXTENSION_CLASS: c.D", "Created-By: é", "Built-By:  two spaces ", "Empty: ",
			"created-by: again", "Name: x/y.class", "name: x/y.class", "NoColon", "No:Space", ": value", "Bad Name: x", "a_b-c9: ok", "Colon: a: b",
			" continued", "  continued, indented", " ", "", "", "\tTab: x", "Latin: \xe9", "Nul: \x00", strings.Repeat("N", 70)+": x", strings.Repeat("N", 71)+": x",
			"Long: "+strings.Repeat("v", 503), "Long: "+strings.Repeat("v", 504), "Long: "+strings.Repeat("v", 505), "Long: "+strings.Repeat("v", 506),
			"Split: \xc3\r\n \xa9", "extension_name: x ", "Name: \xc3\n \xa9", "From: x", "-: x", "Umläut: x", "\ufeffA: x")
	}
	var out [][]byte
	for range 1500 {
		end := pick("\r\n", "\n", "\r", "\r\n")
		b := []byte(pick("Manifest-Version: 1.0", "A: b", "Manifest-Version: 1.0") + end)
		for range 1 + g.IntN(5) {
			b = append(b, line()+pick(end, end, end, end, "\n", "\r", "\r\n")...)
		}
		out = append(out, append(b, pick(end, "", "", "Z: last", " last", "Name: z"+end+end)...))
	}
	return out
}

// deviations are the places where we differ from the JDK on purpose, told by what
// our errors say; bundle.md lists them.
var deviations = [...]string{"duplicate attribute", "stands in the section", "byte order mark", "UTF-8", "NUL", "longer than 512 bytes", "begins with a blank line"}

func TestOddManifestsReadAsInTheJDK(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manifests := oddManifests()
	paths := make([]string, len(manifests))
	for i, data := range manifests {
		paths[i] = filepath.Join(dir, fmt.Sprintf("%d.mf", i))
		if !endsLine(data) {
			data = append(slices.Clip(data), '\n') // the JDK drops such a last line without a word; we read it
		}
		if err := os.WriteFile(paths[i], data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same, stricter := 0, 0
	for i, want := range askJava(t, paths) {
		data := manifests[i]
		sheet, err := readManifest(data)
		switch {
		case err != nil && want.Error != "":
			same++
		case err != nil:
			if !slices.ContainsFunc(deviations[:], func(d string) bool { return strings.Contains(err.Error(), d) }) {
				t.Errorf("%q\nwe refuse it (%v), the JDK reads %q", data, err, want.Main)
			}
			stricter++
		case want.Error != "":
			t.Errorf("%q\nwe read %q, the JDK refuses it: %s", data, attributesOf(sheet), want.Error)
		case !maps.Equal(attributesOf(sheet), want.lower()):
			t.Errorf("%q\nwe read %q,\nthe JDK  %q", data, attributesOf(sheet), want.lower())
		default:
			same++
		}
	}
	t.Logf("%d the same, %d stricter on purpose", same, stricter)
	if same < 1000 || stricter < 50 {
		t.Error("the corpus does not reach every kind")
	}
}

func endsLine(data []byte) bool {
	last := data[len(data)-1]
	return last == '\n' || last == '\r'
}

func TestTheJDKReadsWhatFormatManifestWrites(t *testing.T) {
	t.Parallel()
	g := rand.New(rand.NewPCG(3, 3))
	runes := []rune("abc é漢😀 :,;=\"\\$")
	dir := t.TempDir()
	var paths []string
	var want []map[string]string
	for i := range 200 {
		attrs := []Attribute{{"Name-Of-" + strings.Repeat("x", g.IntN(62)), ""}, {"Empty", ""}}
		for k := range 4 {
			var v strings.Builder
			for range g.IntN(300) {
				v.WriteRune(runes[g.IntN(len(runes))])
			}
			attrs = append(attrs, Attribute{fmt.Sprintf("Key-%d", k), v.String()})
		}
		data, err := FormatManifest(attrs)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range bytes.Split(data, []byte("\r\n")) {
			if len(line) > 72 {
				t.Errorf("line %d has %d bytes", n+1, len(line))
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.mf", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		all := map[string]string{"Manifest-Version": "1.0"}
		for _, a := range attrs {
			all[a.Name] = a.Value
		}
		paths, want = append(paths, path), append(want, all)
	}
	for i, got := range askJava(t, paths) {
		if got.Error != "" || !maps.Equal(got.Main, want[i]) {
			t.Errorf("the JDK reads %q (%s),\nwritten was %q", got.Main, got.Error, want[i])
		}
	}
}
