package web

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// MaxWait is how long a client that waits for something to settle waits at most.
	MaxWait = 10 * time.Minute
	// answerTime is how long it may take to send an answer.
	answerTime = time.Minute
	// MaxStall is how long an upload may stand still before it is given up.
	MaxStall = time.Minute
	// maxAround bounds what stands before, and behind, the file in a form.
	maxAround = 64 << 10
)

// incoming is the body of an upload. It may be slow as long as it comes, and ends
// with an error where its limit is passed. The first failure is the last.
type incoming struct {
	body    io.Reader
	control *http.ResponseController
	stall   time.Duration
	left    int64    // bytes that may still come
	over    *Problem // the failure when more come
	failure *Problem
}

// limit sets how many more bytes may come, and what it means when more do.
func (in *incoming) limit(n int64, over *Problem) { in.left, in.over = n, over }

func (in *incoming) fail(p *Problem) error {
	if in.failure == nil {
		in.failure = p
	}
	return in.failure
}

// why is the reason that counts of err: the failure to read, whatever somebody made of it.
func (in *incoming) why(err error) error {
	if err != nil && in.failure != nil {
		return in.failure
	}
	return err
}

// Read implements io.Reader.
func (in *incoming) Read(p []byte) (int, error) {
	if in.failure != nil {
		return 0, in.failure
	}
	// One byte more than may come tells what is too long from what just fits.
	if int64(len(p)) > in.left+1 {
		p = p[:in.left+1]
	}
	_ = in.control.SetReadDeadline(time.Now().Add(in.stall)) // as in allow
	n, err := in.body.Read(p)
	if int64(n) > in.left {
		return 0, in.fail(in.over)
	}
	in.left -= int64(n)
	switch {
	case err == io.EOF:
		// The server now watches whether the client leaves, which a deadline that
		// passes would look like.
		Allow(in.control, MaxWait)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = in.fail(NewProblem(http.StatusRequestTimeout, "deadline_exceeded",
			fmt.Sprintf("nothing came for %s, and the bundle is not complete", in.stall)))
	case err != nil:
		err = in.fail(Invalid("the connection ended before the bundle was complete"))
	}
	return n, err
}

// formFile is the field file of a form, which must be its only one. Whoever reads it
// to its end knows that nothing else came in the form.
type formFile struct {
	in       *incoming
	form     *multipart.Reader
	part     *multipart.Part
	left     int64
	tooLarge *Problem
	ended    bool
}

// maxProof bounds the proof in a form, in bytes.
const maxProof = 200

// openForm reads up to the file in the form that comes through in. The file may have
// most bytes. With check, the field proof must stand before it, and check must take it.
func openForm(in *incoming, boundary string, most int64, tooLarge *Problem, check func(proof string) error) (io.Reader, error) {
	if boundary == "" || len(boundary) > 70 {
		return nil, Invalid("the Content-Type of a form needs a boundary of 1 to 70 characters")
	}
	in.limit(maxAround, Invalid(fmt.Sprintf("the form has no field file in its first %d bytes", maxAround)))
	f := &formFile{in: in, form: multipart.NewReader(in, boundary), left: most, tooLarge: tooLarge}
	if check != nil {
		if err := f.proof(check); err != nil {
			return nil, err
		}
	}
	part, err := f.form.NextRawPart()
	switch {
	case in.failure != nil:
		return nil, in.failure
	case err != nil:
		return nil, Invalid("the form can not be read; it needs the field file")
	case part.FormName() != "file":
		return nil, otherField(part)
	}
	f.part = part
	in.limit(most+maxAround, tooLarge)
	return f, nil
}

// proof reads the first field of the form.
func (f *formFile) proof(check func(string) error) error {
	part, err := f.form.NextRawPart()
	switch {
	case f.in.failure != nil:
		return f.in.failure
	case err != nil || part.FormName() != "proof":
		return check("")
	}
	value, err := io.ReadAll(io.LimitReader(part, maxProof+1))
	switch {
	case f.in.failure != nil:
		return f.in.failure
	case err != nil || len(value) > maxProof:
		return check("")
	}
	return check(string(value))
}

func otherField(part *multipart.Part) *Problem {
	return Invalid(fmt.Sprintf("the form has a field %q; the one field file is taken, and dry_run and wait stand in the URL", visible.Clip(part.FormName(), 40)))
}

// Read implements io.Reader.
func (f *formFile) Read(p []byte) (int, error) {
	switch {
	case f.in.failure != nil:
		return 0, f.in.failure
	case f.ended:
		return 0, io.EOF
	}
	n, err := f.part.Read(p)
	f.left -= int64(n)
	switch {
	case f.left < 0:
		return 0, f.in.fail(f.tooLarge)
	case err == io.EOF:
		if err := f.end(); err != nil {
			return n, err
		}
		f.ended = true
	case err != nil:
		err = f.in.fail(Invalid("the form ends before its closing boundary"))
	}
	return n, err
}

// end reads what stands behind the file: nothing that counts.
func (f *formFile) end() error {
	f.in.limit(maxAround, Invalid(fmt.Sprintf("more than %d bytes stand behind the file in the form", maxAround)))
	part, err := f.form.NextRawPart()
	switch {
	case err == nil && part.FormName() == "file":
		return f.in.fail(Invalid("the form has the field file twice; one bundle is taken at a time"))
	case err == nil:
		return f.in.fail(otherField(part))
	case err != io.EOF:
		return f.in.fail(Invalid("the form ends before its closing boundary"))
	}
	if _, err := io.Copy(io.Discard, f.in); err != nil {
		return f.in.fail(Invalid("the form can not be read to its end"))
	}
	return nil
}

// Allow gives a handler d from now, whatever the server's own deadlines are, and the
// client answerTime more to take the answer. Where deadlines can not be set there are
// none; where setting one fails the connection is gone, which the next read or write
// says better.
func Allow(control *http.ResponseController, d time.Duration) {
	now := time.Now()
	_ = control.SetReadDeadline(now.Add(d + answerTime))
	_ = control.SetWriteDeadline(now.Add(d + answerTime))
}
