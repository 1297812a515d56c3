package web

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func field(name, head, body string) string {
	return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q%s\r\n\r\n%s\r\n", name, head, body)
}

// FuzzForm: whatever is taken as a form is one for the standard library too, with the
// same file, and that is no larger than it may be.
func FuzzForm(f *testing.F) {
	f.Add([]byte(field("file", "", "PK") + "--b--\r\n"))
	f.Add([]byte("x\r\n" + field("file", "; filename=x", "--b") + "--b--\r\nx"))
	f.Add([]byte(field("file", "", strings.Repeat("x", 101)) + "--b--"))
	f.Add([]byte(field("file", "", "") + field("file", "", "") + "--b--"))
	f.Add([]byte(field("proof", "", "right") + field("file", "", "PK") + "--b--"))
	f.Add([]byte(field("file", "", "PK") + field("proof", "", "right") + "--b--"))
	f.Add([]byte(field("proof", "", strings.Repeat("right", 100)) + field("file", "", "PK") + "--b--"))
	f.Fuzz(func(t *testing.T, body []byte) {
		const most = 100
		checkForm(t, body, most)
		in := &incoming{body: bytes.NewReader(body), control: http.NewResponseController(httptest.NewRecorder()), stall: time.Minute}
		file, err := openForm(in, "b", most, NewProblem(413, "too_large", "too large"), nil)
		if err != nil {
			return
		}
		got, err := io.ReadAll(file)
		if len(got) > most {
			t.Fatalf("%d bytes came through", len(got))
		}
		if err != nil {
			if in.failure == nil {
				t.Errorf("%v, and no word why", err)
			}
			return
		}
		form := multipart.NewReader(bytes.NewReader(body), "b")
		part, err := form.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if want, err := io.ReadAll(part); err != nil || !bytes.Equal(got, want) || part.FormName() != "file" {
			t.Errorf("got %q, want %q of %q, %v", got, want, part.FormName(), err)
		}
		if _, err := form.NextRawPart(); err != io.EOF {
			t.Errorf("behind the file: %v", err)
		}
	})
}

// checkForm: nothing of a form is taken before the proof in it was.
func checkForm(t *testing.T, body []byte, most int64) {
	in := &incoming{body: bytes.NewReader(body), control: http.NewResponseController(httptest.NewRecorder()), stall: time.Minute}
	wrong := NewProblem(403, "permission_denied", "not of this session")
	asked, right := 0, false
	file, err := openForm(in, "b", most, NewProblem(413, "too_large", "too large"), func(proof string) error {
		if asked++; len(proof) > maxProof {
			t.Errorf("a proof of %d bytes", len(proof))
		}
		if right = proof == "right"; right {
			return nil
		}
		return wrong
	})
	if err == nil && !right || asked > 1 || asked == 1 && !right && err != error(wrong) {
		t.Fatalf("asked %d times for the proof, which is right: %v; %v", asked, right, err)
	}
	if err == nil {
		if got, _ := io.ReadAll(file); int64(len(got)) > most {
			t.Fatalf("%d bytes came through", len(got))
		}
	}
}
