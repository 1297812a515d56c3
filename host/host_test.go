package host_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

const patience = 20 * time.Second

// echoBinary is the executable of examples/echo, moodyBinary that of testdata/moody and
// livelyBinary that of the one that takes configurations while it runs, built once: they
// serve under any class and type names.
var echoBinary, moodyBinary, livelyBinary []byte

// program is the test binary as the shim of its hosts.
var program host.Program

func TestMain(m *testing.M) {
	program = host.Shim()
	if setting := os.Getenv(stageVariable); setting != "" {
		os.Exit(playStage(setting))
	}
	if setting := os.Getenv(killedVariable); setting != "" {
		os.Exit(playKilled(setting))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "host-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, b := range []struct {
		folder, flags string
		binary        *[]byte
	}{
		{"../examples/echo", "", &echoBinary}, {"./testdata/moody", "", &moodyBinary}, {"./testdata/moody", " -X main.live=true", &livelyBinary},
	} {
		folder, binary := b.folder, b.binary
		exe := filepath.Join(dir, filepath.Base(folder))
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w"+b.flags, "-o", exe, folder)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v\n%s", err, out))
		}
		if *binary, err = os.ReadFile(exe); err != nil {
			panic(err)
		}
	}
	// Stories mostly wait: more of them go on at once than there are cores.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	return m.Run()
}

// world is a running host in a home of its own.
type world struct {
	*host.Host
	t      *testing.T
	home   host.Home
	log    *lockedBuffer
	cancel context.CancelFunc
	ended  chan error
}

func start(t *testing.T, home string) *world {
	t.Helper()
	return startWith(t, home, func(*host.Config) {})
}

// startWith starts a host whose configuration the test has changed.
func startWith(t *testing.T, home string, change func(*host.Config)) *world {
	t.Helper()
	w := &world{t: t, home: host.Home(home), log: &lockedBuffer{}, ended: make(chan error, 1)}
	cfg := host.Config{
		Home: home, Version: "1.0.0", Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Trust:    host.Trust{Policy: "warn"}, // nobody signs what these tests make
		Validate: true, ScanInterval: 200 * time.Millisecond, Limits: bundle.DefaultLimits(), Shim: program,
	}
	openWay(t, home)
	change(&cfg)
	h, err := host.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Host = h
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	go func() { w.ended <- h.Run(ctx) }()
	t.Cleanup(w.stop)
	return w
}

// openWay lets the users of extensions come to a home in a test's temporary folder.
func openWay(t *testing.T, home string) {
	t.Helper()
	for dir := filepath.Dir(home); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(home, 0o755); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func (w *world) stop() {
	w.cancel()
	select {
	case err := <-w.ended:
		if err != nil {
			w.t.Errorf("Run: %v", err)
		}
		w.ended <- nil
	case <-time.After(patience):
		w.t.Errorf("Run does not return\n%s", w.log)
	}
}

// drop renames a bundle of the echo executable into the drop folder.
func (w *world) drop(file, class, version string) {
	w.t.Helper()
	manifest, err := bundle.FormatManifest([]bundle.Attribute{
		{Name: "extension_class", Value: class},
		{Name: "extension_request", Value: class + "Request"},
		{Name: "extension_response", Value: class + "Response"},
		{Name: "extension_name", Value: class},
		{Name: "extension_version", Value: version},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(file, storedJAR(w.t, executable(echoBinary), entry{"META-INF/MANIFEST.MF", manifest}))
}

// put renames a file into the drop folder.
func (w *world) put(file string, content []byte) {
	w.t.Helper()
	part := filepath.Join(w.home.Extensions(), "."+file)
	if err := os.WriteFile(part, content, 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(w.home.Extensions(), file)); err != nil {
		w.t.Fatal(err)
	}
}

// entry is a file in a bundle.
type entry struct {
	name string
	data []byte
}

func executable(binary []byte) entry {
	return entry{"bin/" + runtime.GOOS + "-" + runtime.GOARCH + "/extension", binary}
}

// storedJAR makes a bundle without compression, which takes long under the race
// detector.
func storedJAR(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	for _, entry := range entries {
		// Sizes and CRC in front of the data: what is stored has no descriptor.
		w, err := z.CreateRaw(&zip.FileHeader{
			Name: entry.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(entry.data),
			CompressedSize64: uint64(len(entry.data)), UncompressedSize64: uint64(len(entry.data)),
		})
		if err == nil {
			_, err = w.Write(entry.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// await polls until ok is true of the row with this id; found says if there is one.
func (w *world) await(id, what string, ok func(e host.Extension, found bool) bool) host.Extension {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		e, found := w.Extension(id)
		if ok(e, found) {
			return e
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is not %s: %+v, reason %v\n%s", id, what, e, e.Reason, w.log)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (w *world) awaitState(id string, state host.State) host.Extension {
	w.t.Helper()
	return w.await(id, string(state), func(e host.Extension, found bool) bool { return found && e.State == state })
}

func (w *world) post(typ, body string) (status int, answer string) {
	w.t.Helper()
	listener := httptest.NewServer(w.Requests())
	defer listener.Close()
	resp, err := http.Post(listener.URL+"/v1/requests/"+typ, "text/plain", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestDroppedBundleAnswersUntilItIsRemoved(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.drop("a.jar", "org.a.A", "1.0")
	row := w.awaitState("org.a.A", "running")
	if !w.Ready() {
		t.Error("the host is not ready though everything runs")
	}
	if row.PID == 0 || row.Started == nil || row.Reason != nil || row.File != "a.jar" || row.ResidentBytes == 0 {
		t.Errorf("the row of a running extension: %+v", row)
	}
	if status, answer := w.post("org.a.ARequest", "hello"); status != http.StatusOK || answer != "hello" {
		t.Errorf("answered %d %s", status, answer)
	}
	if err := os.Remove(filepath.Join(w.home.Extensions(), "a.jar")); err != nil {
		t.Fatal(err)
	}
	w.await("org.a.A", "gone", func(_ host.Extension, found bool) bool { return !found })
	if status, _ := w.post("org.a.ARequest", "hello"); status != http.StatusNotFound {
		t.Errorf("a removed extension answers %d", status)
	}
	if alive(row.PID) {
		t.Errorf("process %d is alive after its extension was removed", row.PID)
	}
	if _, err := os.Stat(w.home.Data("org.a.A")); err != nil {
		t.Errorf("its data folder: %v", err)
	}
}

func TestNewVersionTakesThePlaceOfTheOld(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.drop("a-1.jar", "org.a.A", "1.9")
	old := w.awaitState("org.a.A", "running")
	w.drop("a-2.jar", "org.a.A", "1.10")
	now := w.await("org.a.A", "running in version 1.10", func(e host.Extension, found bool) bool {
		return e.Version == "1.10" && e.State == "running"
	})
	if now.PID == old.PID || alive(old.PID) {
		t.Errorf("the old process %d lives beside the new one %d", old.PID, now.PID)
	}
	if held := w.awaitState("a-1.jar", "waiting"); held.Claims != "org.a.A" || held.Reason == nil || held.Reason.Code != "held" {
		t.Errorf("the row of the older file: %+v, reason %v", held, held.Reason)
	}
	if err := os.Remove(filepath.Join(w.home.Extensions(), "a-2.jar")); err != nil {
		t.Fatal(err)
	}
	w.await("org.a.A", "back in version 1.9", func(e host.Extension, found bool) bool {
		return e.Version == "1.9" && e.State == "running"
	})
}

func TestTakenTypeIsAConflictThatNamesBothFiles(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.drop("z.jar", "org.a.A", "1.0")
	w.awaitState("org.a.A", "running")
	w.drop("a.jar", "org.A.a", "1.0")
	row := w.awaitState("a.jar", "conflict")
	if row.Claims != "org.A.a" || row.Reason == nil || row.Reason.Code != "id_taken" ||
		!strings.Contains(row.Reason.Message, "z.jar") {
		t.Errorf("the row of the loser: %+v, reason %v", row, row.Reason)
	}
	if err := os.Remove(filepath.Join(w.home.Extensions(), "z.jar")); err != nil {
		t.Fatal(err)
	}
	w.awaitState("org.A.a", "running")
}

func TestLostFolderTakesNothingAway(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.drop("a.jar", "org.a.A", "1.0")
	before := w.awaitState("org.a.A", "running")
	dir := w.home.Extensions()
	if err := os.Rename(dir, dir+".lost"); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return strings.Contains(w.log.String(), string(w.home.Extensions())) }) {
		t.Fatalf("the host says nothing of its lost folder\n%s", w.log)
	}
	if now, ok := w.Extension("org.a.A"); !ok || now.State != "running" || now.PID != before.PID {
		t.Errorf("after its folder was lost: %+v", now)
	}
	if err := os.Rename(dir+".lost", dir); err != nil {
		t.Fatal(err)
	}
	w.drop("b.jar", "org.b.B", "1.0")
	w.awaitState("org.b.B", "running")
	if now, _ := w.Extension("org.a.A"); now.PID != before.PID {
		t.Errorf("process %d was replaced by %d", before.PID, now.PID)
	}
}

func TestStopEndsEveryProcess(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	var pids []int
	for i := range 3 {
		class := fmt.Sprintf("org.x%d.X", i)
		w.drop(fmt.Sprintf("x%d.jar", i), class, "1")
		pids = append(pids, w.awaitState(class, "running").PID)
	}
	w.stop()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlives Run", pid)
		}
	}
	if rows := w.Snapshot(); len(rows) != 0 {
		t.Errorf("rows after the end: %+v", rows)
	}
}

// TestStopCanBeWatched: who looks at a host that stops sees what it waits for.
func TestStopCanBeWatched(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.drop("a.jar", "org.a.A", "1")
	w.awaitState("org.a.A", "running")
	listener := httptest.NewServer(w.Requests())
	defer listener.Close()
	answered := make(chan int, 1)
	go func() {
		resp, err := http.Post(listener.URL+"/v1/requests/org.a.ARequest", "application/json", strings.NewReader(`{"sleep_ms":1500}`))
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	if !eventually(func() bool { return inFlight(t, w) == 1 }) {
		t.Fatal("the request never came to run")
	}
	w.cancel()
	w.awaitState("org.a.A", "draining")
	if code := <-answered; code != http.StatusOK {
		t.Errorf("the request in flight was answered with %d", code)
	}
}

func inFlight(t *testing.T, w *world) float64 {
	t.Helper()
	return w.gauge("jackfield_requests_in_flight")
}

// gauge is the first of a family of gauges, 0 without any.
func (w *world) gauge(name string) float64 {
	w.t.Helper()
	families, err := w.Gatherer().Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}

func TestHomeBelongsToOneHost(t *testing.T) {
	w := start(t, t.TempDir())
	_, err := host.New(host.Config{
		Home: string(w.home), Version: "1.0.0", Log: slog.New(slog.DiscardHandler), Limits: bundle.DefaultLimits(),
	})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second host in the same home: %v", err)
	}
	w.stop()
	start(t, string(w.home))
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := host.New(host.Config{Version: "no version", Origins: []string{"nonsense"}})
	if err == nil {
		t.Fatal("an empty configuration was taken")
	}
	for _, want := range []string{"home", "version", "log", "limits", "nonsense"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
}

// TestHomeThatCanNotBeMade: an operator reads which folder is at fault.
func TestHomeThatCanNotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := host.New(host.Config{
		Home: filepath.Join(file, "home"), Version: "1.0.0", Log: slog.New(slog.DiscardHandler), Limits: bundle.DefaultLimits(),
	})
	var path *fs.PathError
	if !errors.As(err, &path) || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

// alive counts a zombie that nobody reaps as dead.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(after, "Z")
}

func eventually(ok func() bool) bool {
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		<-time.After(10 * time.Millisecond)
	}
	return true
}
