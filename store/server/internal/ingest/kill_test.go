package ingest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// long is for a machine of one's own: 200 releases and 1 000 hostile files on every backend,
// some minutes in all. The seed plays the same kills again.
var (
	long     = flag.Bool("long", false, "as much as the contract asks for, on every backend")
	killSeed = flag.Uint64("killseed", 20261126, "decides when the store is killed")
)

// childEnv tells the test binary that it is the store that is to be killed.
const childEnv = "JACKFIELD_TEST_KILLED_STORE"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := beKilled(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Those that go on beside each other wait for disks and processes: for more than there are
	// cores.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// orders are what the store that is to be killed is told.
type orders struct {
	Database, Blobs, Temp, Files string
	Options                      blobs.Options
	Root                         []byte // DER
	Versions                     []string
}

// beKilled is a store that publishes the files it is told of, one after the other, and says
// of each what became of it.
func beKilled(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, err := database.Open(ctx, o.Database, database.Options{})
	if err != nil {
		return err
	}
	kept, err := blobs.Open(ctx, o.Blobs, o.Options)
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(o.Root)
	if err != nil {
		return err
	}
	desk := ingest.New(ingest.Config{
		Database: db, Blobs: kept, Formats: []ingest.Format{bundles(root)}, Admission: ingest.Direct,
		Temp: o.Temp, Lease: 500 * time.Millisecond, Interval: 50 * time.Millisecond, Attempts: 1000,
	})
	go desk.Run(ctx)
	fmt.Println("ready")
	for _, version := range o.Versions {
		file, err := os.Open(filepath.Join(o.Files, version))
		if err != nil {
			return err
		}
		s, err := desk.Submit(ctx, ingest.Upload{Source: ingest.SourceAPI, File: version, Body: file})
		if err != nil {
			return err
		}
		fmt.Println("settled", version, s.State, s.Digest)
		file.Close()
	}
	fmt.Println("done")
	return nil
}

// TestKilledWhilePublishing kills a store with SIGKILL at random moments until it has
// published everything. What it had acknowledged is there, what is there was verified, and
// nothing is left lying around.
func TestKilledWhilePublishing(t *testing.T) {
	t.Parallel()
	publishes := 8
	if *long {
		publishes = 200
	}
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		t.Parallel()
		files, temp := t.TempDir(), t.TempDir()
		var versions []string
		for i := range publishes {
			version := fmt.Sprintf("1.%d", i)
			versions = append(versions, version)
			// Bytes that do not compress: there is something to interrupt.
			noise := make([]byte, 1<<20)
			rand.NewChaCha8([32]byte{byte(i)}).Read(noise)
			if err := os.WriteFile(filepath.Join(files, version), hello(version, bundletest.WithFile("data/noise", noise)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o := orders{b.DatabaseURL, b.BlobsURL, temp, files, b.BlobOptions, acme.Root.Raw, versions}
		random := rand.New(rand.NewPCG(*killSeed, 8))
		patience := 250 * time.Millisecond
		acknowledged := map[string]string{} // digests by version
		kills := 0
		for len(o.Versions) > 0 {
			before := len(o.Versions)
			done := runUntilKilled(t, o, time.Duration(random.Int64N(int64(patience))), acknowledged)
			for len(o.Versions) > 0 && acknowledged[o.Versions[0]] != "" {
				o.Versions = o.Versions[1:]
			}
			if !done {
				kills++
			}
			if len(o.Versions) == before {
				patience += patience / 4 // a slow machine gets something done, too
			}
			if patience > 10*time.Minute {
				t.Fatal("nothing gets done between two kills")
			}
		}
		t.Logf("%d releases, %d kills, seed %d", len(versions), kills, *killSeed)
		if kills == 0 {
			t.Error("nothing was killed")
		}
		holds(t, b, temp, acknowledged)
	})
}

// runUntilKilled runs the store until it is killed, some time after it said that it is
// ready, or done.
func runUntilKilled(t *testing.T, o orders, after time.Duration, acknowledged map[string]string) (done bool) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case words[0] == "ready":
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		case words[0] == "settled" && words[2] == string(store.Accepted):
			acknowledged[words[1]] = words[3]
		case words[0] == "done":
			done = true
		default:
			t.Errorf("the store says %q", lines.Text())
		}
	}
	cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("the store says %s", stderr.String())
	}
	return done
}

// holds is what must be true after all kills.
func holds(t *testing.T, b backends.Backend, temp string, acknowledged map[string]string) {
	t.Helper()
	w := open(t, b)
	settleAll(t, b, w)
	l := w.listing(helloID)
	if len(l.Releases) != len(acknowledged) {
		t.Errorf("%d releases, want %d", len(l.Releases), len(acknowledged))
	}
	judge := bundles(acme.Root)
	for _, r := range l.Releases {
		f := r.Files[0]
		if acknowledged[r.Version] != f.Digest {
			t.Errorf("%s is %s, acknowledged was %s", r.Version, f.Digest, acknowledged[r.Version])
		}
		data, err := blobs.Read(t.Context(), b.Blobs, f.Digest, 64<<20)
		if err != nil {
			t.Errorf("%s: %v", r.Version, err)
			continue
		}
		sum := sha256.Sum256(data)
		if "sha256:"+hex.EncodeToString(sum[:]) != f.Digest {
			t.Errorf("%s has other bytes than it says", r.Version)
		}
		if _, err := judge.Read(t.Context(), ingest.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Digest: f.Digest}); err != nil {
			t.Errorf("%s is served and not verified: %v", r.Version, err)
		}
	}
	changes, err := b.Database.Changes(t.Context(), 0, 10)
	if err != nil || changes.Sequence != int64(len(acknowledged)) {
		t.Errorf("the sequence is %d after %d releases, %v", changes.Sequence, len(acknowledged), err)
	}
	if _, err := b.Database.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// settleAll waits until no submission is left half-way.
func settleAll(t *testing.T, b backends.Backend, w *world) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for before := int64(0); ; {
		list, err := b.Database.Submissions(ctx, database.SubmissionFilter{Before: before, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			s, err := w.Wait(ctx, s.Number)
			if err != nil {
				t.Fatal(err)
			}
			if s.State != store.Accepted {
				t.Errorf("submission %d of %s is %s: %v", s.Number, s.File, s.State, s.Problems)
			}
			before = s.Number
		}
		if len(list) == 0 {
			return
		}
	}
}
