package blobs_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
)

// putting makes the test binary a process that is putting a blob for ever.
const putting = "BLOBS_TEST_PUTTING"

func TestMain(m *testing.M) {
	root := os.Getenv(putting)
	if root == "" {
		os.Exit(m.Run())
	}
	s, err := blobs.Open(context.Background(), root, blobs.Options{})
	if err == nil {
		_, err = s.Put(context.Background(), os.Stdin)
	}
	fmt.Println("ended:", err)
}

// Two processes are writing when one is killed: its file goes at the next Open, that of the
// other does not.
func TestWhatAKilledProcessLeftGoes(t *testing.T) {
	root := t.TempDir()
	start := func() (*exec.Cmd, io.WriteCloser, *bufio.Reader) {
		t.Helper()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), putting+"="+root)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		if _, err := io.WriteString(in, "half a blob"); err != nil {
			t.Fatal(err)
		}
		return cmd, in, bufio.NewReader(out)
	}
	killed, _, _ := start()
	_, in, out := start()
	temp := func() (names []string) {
		names, err := filepath.Glob(filepath.Join(root, "tmp", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	// Both are writing.
	written := func() (n int) {
		for _, name := range temp() {
			if data, err := os.ReadFile(name); err == nil && string(data) == "half a blob" {
				n++
			}
		}
		return n
	}
	await(t, func() bool { return written() == 2 })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed.Wait()
	if n := len(temp()); n != 2 {
		t.Fatalf("there are %d files, want what was left and what is written", n)
	}
	s, err := blobs.Open(t.Context(), root, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(temp()); n != 1 {
		t.Errorf("there are %d files, want that which is written", n)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if line, err := out.ReadString('\n'); err != nil || !strings.HasPrefix(line, "ended: <nil>") {
		t.Errorf("the other says %q (%v), want no error", line, err)
	}
	if err := blobs.Verify(t.Context(), s, objectOf([]byte("half a blob")).Digest); err != nil {
		t.Error(err)
	}
	if names := temp(); len(names) != 0 {
		t.Errorf("left is %v, want nothing", names)
	}
}

// await waits until holds does, a minute at most.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}
