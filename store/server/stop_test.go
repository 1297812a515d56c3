package server_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
)

// TestFullQueue: an organization that has as many files waiting as it may have is told to come
// back, and when; others, and the administrator, are not held up by it. What waits is checked
// as soon as somebody checks, and then there is room again.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	r := start(t, backends.SQLite(t), nil)
	token := r.publisher(bundletest.NewSigner("acme.example", helloID, nil), "acme.example")
	other := r.publisher(bundletest.NewSigner("other.example", "other.example.Extension", nil), "other.example")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	// The same store takes files in while nobody checks them.
	r.restart(func(s *server.Server) {
		answers := httptest.NewServer(s.Handler())
		defer answers.Close()
		r.url = answers.URL
		for i := range 50 {
			if a := r.submit(token, fmt.Appendf(nil, "no bundle %d", i), "?wait=false"); a.status != http.StatusAccepted {
				t.Fatalf("file %d: %d %s", i, a.status, a.body)
			}
		}
		for range 2 { // the answer is the same again
			a := r.submit(token, []byte("one more"), "?wait=false")
			if a.status != http.StatusTooManyRequests || a.code() != "exhausted" || a.header.Get("Retry-After") != "5" || a.header.Get("Location") != "" || !strings.Contains(string(a.body), "send the next one when some of them are decided") {
				t.Errorf("a full queue: %d %v %s", a.status, a.header, a.body)
			}
		}
		for name, token := range map[string]string{"another organization": other, "the administrator": r.admin} {
			if a := r.submit(token, []byte("from "+name), "?wait=false"); a.status != http.StatusAccepted {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if waiting := read[store.SubmissionPage](t, r.get("/api/v1/submissions?limit=500", bearer(token))); len(waiting.Submissions) != 50 {
			t.Errorf("%d of its files wait", len(waiting.Submissions))
		}
	})
	r.until("there is room again", func() bool { return r.submit(token, []byte("one more"), "?wait=false").status == http.StatusAccepted })
	r.until("all are decided", func() bool {
		for _, s := range read[store.SubmissionPage](t, r.get("/api/v1/submissions?limit=500", bearer(r.admin))).Submissions {
			if s.State == store.Submitted || s.State == store.Checking {
				return false
			}
		}
		return true
	})
}

// TestStopDuringADownload stops the real program with SIGTERM while somebody downloads: whoever
// reads on gets all of it, who stands still is cut off when the time for that is over; nobody
// new is let in, and the program ends as if it had been idle.
func TestStopDuringADownload(t *testing.T) {
	t.Parallel()
	signer := bundletest.NewSigner("acme.example", helloID, nil)
	file := signer.Sign(large(t, 16<<20)) // more than the buffers between two sockets take
	for _, c := range []struct {
		name, drain string
		readsOn     bool
	}{{"whoever reads on", "10m", true}, {"whoever stands still", "200ms", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &program{t: t, binary: build(t), data: filepath.Join(t.TempDir(), "store-data")}
			p.env = append(os.Environ(), "JACKFIELD_STORE_TRUST_REVOCATION=off", "JACKFIELD_STORE_TIMEOUTS_DRAIN="+c.drain)
			p.write("trust/root.pem", bundletest.ChainPEM(signer.Root))
			r := p.start()
			if !p.ready(r) {
				t.Fatal("the store was killed by somebody else")
			}
			body := p.download(&author{host: "acme.example", id: helloID, signer: signer}, file)
			defer body.Close()
			if err := r.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.closed(r)
			if !c.readsOn {
				p.ends(r)
			}
			got, err := io.ReadAll(body)
			if whole := err == nil && bytes.Equal(got, file[1:]); whole != c.readsOn {
				t.Errorf("%d bytes of %d came: %v", len(got)+1, len(file), err)
			}
			p.ends(r)
			p.tidy()
		})
	}
}

// large is a bundle with n bytes that are stored as they are: to deflate them would take long.
func large(t *testing.T, n int) []byte {
	t.Helper()
	noise := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(noise)
	small := bundletest.Good()
	r, err := zip.NewReader(bytes.NewReader(small), int64(len(small)))
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	for _, f := range r.File {
		if err := z.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	w, err := z.CreateRaw(&zip.FileHeader{Name: "data/noise", Method: zip.Store, CRC32: crc32.ChecksumIEEE(noise), CompressedSize64: uint64(n), UncompressedSize64: uint64(n)})
	if err == nil {
		_, err = w.Write(noise)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

// download publishes a file and begins to download it: one byte has come. There is so much
// behind it that the store can not be done with it.
func (p *program) download(a *author, file []byte) io.ReadCloser {
	p.t.Helper()
	url := *p.url.Load()
	if !p.register(url, a) || a.token == "" {
		p.t.Fatal("the publisher is not registered")
	}
	got, err := ask(&http.Transport{DisableKeepAlives: true}, "POST", url+"/api/v1/submissions", bytes.NewReader(file), bearer(a.token), header("Content-Type", "application/octet-stream"))
	if err != nil || got.status != http.StatusCreated {
		p.t.Fatalf("publishing: %d %s, %v", got.status, got.body, err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url + "/api/v1/listings/" + a.id + "/releases/1.0.0/download")
	if err != nil {
		p.t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil || resp.StatusCode != http.StatusOK || first[0] != file[0] {
		p.t.Fatalf("the download begins with %d %q, %v", resp.StatusCode, first, err)
	}
	return resp.Body
}

// closed waits until nobody can connect any more.
func (p *program) closed(r process) {
	p.t.Helper()
	address, err := url.Parse(*p.url.Load())
	if err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address.Host)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			conn.Close()
		}
		if time.Now().After(deadline) {
			r.kill()
			p.t.Fatalf("it still lets people in: %v\n%s", err, p.stderr.String())
		}
	}
}

// ends waits for the end of a process, which must be one of success.
func (p *program) ends(r process) {
	p.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(time.Minute):
		r.kill()
		p.t.Fatalf("SIGTERM does not end the store\n%s", p.stderr.String())
	}
	if code := r.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("it ends with %d\n%s", code, p.stderr.String())
	}
}
