package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// hangUp makes the answer that follows the last of its connection: what is still on
// its way is not read, so nothing can come behind it.
func hangUp(w http.ResponseWriter, control *http.ResponseController) {
	w.Header().Set("Connection", "close")
	// A client that still sends must hear the answer before the connection is reset
	// under it. The server waits for that only after too large a body, of which it
	// learns from MaxBytesReader alone.
	_, _ = http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
	now := time.Now()
	_ = control.SetReadDeadline(now.Add(time.Second)) // as in allow
	_ = control.SetWriteDeadline(now.Add(answerTime))
}

// Uploads takes bundles in. None is kept here: the host reads it from the connection.
type Uploads struct {
	// MaxBytes is the size of the largest bundle.
	MaxBytes int64
	// Stall is how long an upload may stand still.
	Stall time.Duration
	// Host takes what comes; it reads the body. Stage does so for a form of a page.
	Host  func(ctx context.Context, u host.Upload) (host.Uploaded, error)
	Stage func(ctx context.Context, u host.Upload) (host.Staged, error)
}

// Receive hands the bundle to the host that r brings, as its body or as the field file of
// a form. After an error nothing more is read from the connection.
func (u *Uploads) Receive(w http.ResponseWriter, r *http.Request, dryRun bool) (host.Uploaded, error) {
	control := http.NewResponseController(w)
	in := &incoming{body: Whole(r), control: control, stall: u.Stall}
	upload, err := u.open(in, r, nil)
	upload.DryRun = dryRun
	if err == nil {
		upload.Key, err = keyOf(r)
	}
	var done host.Uploaded
	if err == nil {
		done, err = u.Host(r.Context(), upload)
	}
	if err = in.why(err); err != nil {
		hangUp(w, control)
	}
	return done, err
}

// ReceiveForm has the host stage the bundle that a form of a page brings: its fields are
// the proof of the session, which is checked before anything is taken, and the file.
// After an error the rest of a body that is not much too large is read, since browsers
// show no answer while they still send; but not from those who bring no proof.
func (u *Uploads) ReceiveForm(w http.ResponseWriter, r *http.Request) (host.Staged, error) {
	control := http.NewResponseController(w)
	in := &incoming{body: Whole(r), control: control, stall: u.Stall}
	upload, err := u.open(in, r, func(proof string) error { return checkProof(r, proof) })
	var staged host.Staged
	if err == nil {
		staged, err = u.Stage(r.Context(), upload)
	}
	if err = in.why(err); err == nil {
		return staged, nil
	}
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusForbidden {
		hangUp(w, control)
		return host.Staged{}, err
	}
	rest := &incoming{body: Whole(r), control: control, stall: u.Stall}
	rest.limit(u.MaxBytes, u.tooLarge())
	if _, err := io.Copy(io.Discard, rest); err != nil {
		hangUp(w, control)
	}
	return host.Staged{}, err
}

// open finds the bundle in r. A form must begin with a proof that check takes, if there
// is a check; then r must bring a form.
func (u *Uploads) open(in *incoming, r *http.Request, check func(proof string) error) (host.Upload, error) {
	upload := host.Upload{Body: in, Size: r.ContentLength, Actor: Actor(r)}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return upload, NewProblem(http.StatusUnsupportedMediaType, "unsupported_media", "a bundle is taken as it is, without Content-Encoding")
	}
	if r.ContentLength == 0 {
		return upload, Invalid("the request has no body; send the bundle in it")
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && check == nil && (media == "application/java-archive" || media == "application/octet-stream"):
		in.limit(u.MaxBytes, u.tooLarge())
		if r.ContentLength > u.MaxBytes { // before a byte of it is read
			return upload, u.tooLarge()
		}
		return upload, nil
	case err == nil && media == "multipart/form-data":
		if r.ContentLength > u.MaxBytes+maxAround {
			return upload, u.tooLarge()
		}
		upload.Size = -1 // that of the form is another
		upload.Body, err = openForm(in, params["boundary"], u.MaxBytes, u.tooLarge(), check)
		return upload, err
	}
	return upload, NewProblem(http.StatusUnsupportedMediaType, "unsupported_media",
		"send the bundle as application/java-archive or application/octet-stream, or as the field file of a multipart/form-data form")
}

// IdempotencyKey is the header that makes an upload safe to repeat.
const IdempotencyKey = "Idempotency-Key"

// keyOf returns the key of an upload, "" for none.
func keyOf(r *http.Request) (string, error) {
	keys := r.Header.Values(IdempotencyKey)
	if len(keys) == 0 {
		return "", nil
	}
	hidden := func(c rune) bool { return c < '!' || c > '~' }
	if len(keys) > 1 || len(keys[0]) < 1 || len(keys[0]) > 128 || strings.ContainsFunc(keys[0], hidden) {
		return "", Invalid(IdempotencyKey + " is one key of 1 to 128 visible ASCII characters")
	}
	return keys[0], nil
}

func (u *Uploads) tooLarge() *Problem {
	p := NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge,
		fmt.Sprintf("the bundle is larger than %d bytes, the limit bundle.max_bytes of this host", u.MaxBytes))
	p.Hint = "set bundle.max_bytes in conf/jackfield.properties and start the host again, or make the bundle smaller"
	return p
}
