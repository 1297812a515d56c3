package jameica_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
)

// moody serves a ZIP and notes what it was asked for. It breaks off behind cut bytes, unless
// that is 0.
type moody struct {
	data   []byte
	header map[string]string // what its answers say of the version
	cut    int
	asked  []string // the Range, "whole" for none
	// part, if set, answers for a part.
	part http.HandlerFunc
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := r.Header.Get("Range")
	if asked == "" {
		asked = "whole"
	}
	m.asked = append(m.asked, asked)
	for name, value := range m.header {
		w.Header().Set(name, value)
	}
	if asked != "whole" && m.part != nil {
		m.part(w, r)
		return
	}
	if m.cut > 0 {
		w = &cutting{ResponseWriter: w, left: m.cut}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.data))
}

// cutting breaks the connection off when so many bytes of a body have gone through.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// TestResume: a download that was broken off is gone on with where the server can tell that it
// still has the same, and begins anew where it can not; what is wrong in the end is refused.
func TestResume(t *testing.T) {
	a := newAuthority(t)
	whole := zipOf(t, file{"x/", ""}, file{"x/plugin.xml", "<plugin name='x' version='1.0'/>"}, file{"x/x.jar", strings.Repeat("0123456789", 500)})
	half := len(whole) / 2
	rest := fmt.Sprintf("bytes=%d-", half)
	tag := map[string]string{"Etag": `"one"`}
	old := map[string]string{"Last-Modified": "Mon, 02 Jun 2025 12:00:00 GMT"}
	answer := func(status int, contentRange string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", contentRange)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	for _, c := range []struct {
		name   string
		before map[string]string // header of the answer that is broken off
		cut    int               // where it is; 0 is the half. All of it is as if the client was killed then
		then   moody             // who answers afterwards; without data the same
		asked  string
		code   jameica.Code
	}{
		{name: "a strong tag", before: tag, asked: rest},
		{name: "a date", before: old, asked: rest},
		{name: "a weak tag", before: map[string]string{"Etag": `W/"one"`, "Last-Modified": old["Last-Modified"]}, asked: "whole"},
		{name: "a date of just now", before: map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}, asked: "whole"},
		{name: "nothing to know it by", asked: "whole"},
		{name: "another one meanwhile", before: tag, then: moody{data: whole, header: map[string]string{"Etag": `"two"`}}, asked: rest},
		{name: "a server without parts", before: tag, then: moody{part: answer(200, "", whole)}, asked: rest},
		{name: "a part from elsewhere", before: tag, then: moody{header: tag, part: answer(206, fmt.Sprintf("bytes 0-%d/%d", half-1, len(whole)), whole[:half])}, asked: rest + " whole"},
		{name: "parts of several kinds", before: tag, then: moody{part: answer(206, "", []byte("--x"))}, asked: rest + " whole"},
		{name: "a part of another one", before: tag, then: moody{header: map[string]string{"Etag": `"two"`}, part: answer(206, fmt.Sprintf("bytes %d-%d/%d", half, len(whole)-1, len(whole)), whole[half:])}, asked: rest + " whole"},
		{name: "a part of another date", before: old, then: moody{header: map[string]string{"Last-Modified": "Mon, 02 Jun 2025 12:00:01 GMT"}, part: answer(206, fmt.Sprintf("bytes %d-%d/%d", half, len(whole)-1, len(whole)), whole[half:])}, asked: rest + " whole"},
		{name: "it is shorter now", before: tag, then: moody{part: answer(416, "bytes */7", nil)}, asked: rest + " whole"},
		{name: "all of it was there", before: tag, cut: len(whole), then: moody{header: tag}, asked: fmt.Sprintf("bytes=%d-", len(whole))},
		{name: "a wrong end", before: tag, then: moody{header: tag, part: answer(206, fmt.Sprintf("bytes %d-%d/%d", half, len(whole)-1, len(whole)), make([]byte, len(whole)-half))}, asked: rest, code: jameica.CodeSignatureInvalid},
		{name: "an end without end", before: tag, then: moody{part: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-99999999/100000000", half))
			w.WriteHeader(206)
			_, _ = w.Write(make([]byte, 1<<20))
		}}, asked: rest, code: jameica.CodeTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.files["/x.zip.sha1"] = a.sign(t, whole)
			into, err := os.Create(filepath.Join(t.TempDir(), "x.zip"))
			if err != nil {
				t.Fatal(err)
			}
			defer into.Close()
			began := []string{}
			p := &jameica.Partial{File: into, Began: func(validator string) error { began = append(began, validator); return nil }}
			resume := func(m *moody) (*jameica.Download, error) {
				s.mu.Lock()
				s.handlers["/x.zip"] = m.ServeHTTP
				s.mu.Unlock()
				client := jameica.Client{Limits: jameica.Limits{ArchiveBytes: 500_000}}
				release := jameica.Release{Chain: a.chain(t, "chain.pem"), Manifest: &jameica.Manifest{Name: "x", Version: "1.0", URL: s.URL + "/x.zip"}}
				return client.Resume(t.Context(), release, jameica.Trust{Roots: a.roots(t)}, p)
			}
			if c.cut == 0 {
				c.cut = half
			}
			first := &moody{data: whole, header: c.before, cut: c.cut}
			if d, err := resume(first); jameica.CodeOf(err) != jameica.CodeUnreachable && c.cut < len(whole) {
				t.Fatalf("what is broken off: %+v %v", d, err)
			}
			if size, err := into.Seek(0, io.SeekEnd); err != nil || size != int64(c.cut) || len(began) != 1 || began[0] != p.Validator {
				t.Fatalf("%d bytes are there, %v, under %q", size, err, began)
			}
			then := c.then
			if then.data == nil {
				then.data = whole
			}
			if then.header == nil {
				then.header = c.before
			}
			d, err := resume(&then)
			if got := strings.Join(then.asked, " "); got != c.asked {
				t.Errorf("it asks for %s, want %s", got, c.asked)
			}
			if jameica.CodeOf(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if c.code != "" {
				return
			}
			got, readErr := os.ReadFile(into.Name())
			if err != nil || readErr != nil || !bytes.Equal(got, whole) || d.Size != int64(len(whole)) || d.Signer == nil {
				t.Errorf("%+v, %d bytes of %d: %v %v", d, len(got), len(whole), err, readErr)
			}
		})
	}
}
