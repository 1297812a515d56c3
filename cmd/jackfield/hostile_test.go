package main_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// residentLimit is what the host may hold while it judges hostile files.
const residentLimit = 300 << 20

// TestHostileFiles drops every hostile file there is beside good bundles: each is
// refused with its code, the good ones serve, and the host stays small.
func TestHostileFiles(t *testing.T) {
	home := t.TempDir()
	want := map[string]bundle.Code{}
	cases := append(bundletest.Forged(), bundletest.Hostile()...)
	cases = append(cases, bundletest.Case{Name: "bomb-1000-to-1", Code: bundle.CodeRatioTooHigh, Bytes: bomb(t)})
	for _, c := range cases {
		name := c.Name + ".jar"
		want[name] = c.Code
		mustDrop(t, home, name, c.Bytes)
	}
	if len(want) < 100 {
		t.Errorf("there are %d hostile files; this test promises a hundred", len(want))
	}
	mustDrop(t, home, "hello.jar", readBundle(t, "hello.jar"))
	mustDrop(t, home, "echo.jar", readBundle(t, "echo.jar"))

	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	for _, id := range []string{"examples.hello.HelloExtension", "examples.echo.EchoExtension"} {
		if err := h.waitState(id, "running"); err != nil {
			t.Fatal(err)
		}
	}
	for name, code := range want {
		state, reason := "failed", string(code)
		if code.OfSignature() {
			state = "refused"
		}
		if code == bundle.CodeTruncated {
			// It may still be a copy in progress; it fails after a minute without growth.
			state, reason = "pending", "copying"
		}
		err := h.waitFor(name, func(r row, found bool) bool {
			return found && r.State == state && r.Reason != nil && r.Reason.Code == reason
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	status, _, body, err := h.post("examples.hello.HelloRequest", "application/json", []byte(`{"name":"there"}`))
	if err != nil || status != http.StatusOK {
		t.Errorf("hello answers %d %s (%v) beside hostile files", status, body, err)
	}
	peak := peakResident(t, h.cmd.Process.Pid)
	t.Logf("%d hostile files, at most %d MiB resident", len(want), peak>>20)
	if peak > residentLimit {
		t.Errorf("the host held %d MiB while it judged hostile files; %d are allowed", peak>>20, residentLimit>>20)
	}
}

// bomb is an archive of a few hundred KiB that unpacks to 256 MiB: one deflated block, which
// refers to nothing before it, again and again.
func bomb(t *testing.T) []byte {
	t.Helper()
	const times = 256
	zeros := make([]byte, 1<<20)
	var block bytes.Buffer
	deflate, err := flate.NewWriter(&block, flate.DefaultCompression)
	if err == nil {
		_, err = deflate.Write(zeros)
	}
	if err := errors.Join(err, deflate.Flush()); err != nil {
		t.Fatal(err)
	}
	sum := crc32.NewIEEE()
	for range times {
		sum.Write(zeros)
	}
	end := []byte{1, 0, 0, 0xff, 0xff} // a last block, with nothing in it

	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	manifest, err := z.Create("META-INF/MANIFEST.MF")
	if err == nil {
		_, err = manifest.Write(bundletest.GoodManifest())
	}
	var data io.Writer
	if err == nil {
		data, err = z.CreateRaw(&zip.FileHeader{Name: "data/zeros", Method: zip.Deflate, CRC32: sum.Sum32(),
			CompressedSize64: uint64(times*block.Len() + len(end)), UncompressedSize64: times * uint64(len(zeros))})
	}
	if err == nil {
		_, err = data.Write(append(bytes.Repeat(block.Bytes(), times), end...))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// TestHostKilled kills the host as the kernel might: no child outlives it, and the
// next host runs what the last one ran.
func TestHostKilled(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	mustDrop(t, home, "hello.jar", readBundle(t, "hello.jar"))
	mustDrop(t, home, "echo.jar", readBundle(t, "echo.jar"))
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	ids := []string{"examples.hello.HelloExtension", "examples.echo.EchoExtension"}
	var children []int
	for _, id := range ids {
		if err := h.waitState(id, "running"); err != nil {
			t.Fatal(err)
		}
		r, _, err := h.row(id)
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, r.PID)
	}
	h.kill()
	for _, pid := range children {
		if !eventually(func() bool { return !alive(pid) }) {
			t.Errorf("child %d outlives its host", pid)
		}
	}

	again, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.kill)
	for _, id := range ids {
		if err := again.waitState(id, "running"); err != nil {
			t.Fatal(err)
		}
	}
	if err := again.stop(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Join(home, "run"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range left {
		if file.Name() != "host.lock" {
			t.Errorf("run/%s is left behind", file.Name())
		}
	}
}

func mustDrop(t *testing.T, home, name string, data []byte) {
	t.Helper()
	if err := dropInto(home, name, data); err != nil {
		t.Fatal(err)
	}
}

func readBundle(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(os.Getenv(envBundles), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// alive reports whether the process exists; a zombie that nobody reaps counts as
// dead.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// peakResident returns the most memory the process has held, in bytes.
func peakResident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
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
