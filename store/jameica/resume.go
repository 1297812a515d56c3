package jameica

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"
)

// Partial is a ZIP on its way, which may be broken off and gone on with.
type Partial struct {
	File PartialFile
	// Validator is by what the server tells whether the bytes in File are of what it has now:
	// a strong ETag or a date of RFC 9110. "" says that File has nothing of use.
	Validator string
	// Began is told the Validator of what begins to come, when File is empty, for who keeps
	// it; nil for nobody.
	Began func(validator string) error
}

// PartialFile is what a ZIP is collected in: *os.File is one.
type PartialFile interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
}

// arrival is a ZIP while it comes: where its bytes go, and what they are so far.
type arrival struct {
	to      io.Writer
	partial *Partial // nil where nothing can be gone on with
	size    int64
	sha1    hash.Hash
	sha256  hash.Hash
}

func arrive(to io.Writer, p *Partial) *arrival {
	return &arrival{to: to, partial: p, sha1: sha1.New(), sha256: sha256.New()}
}

// Write implements io.Writer.
func (a *arrival) Write(p []byte) (int, error) {
	n, err := a.to.Write(p)
	a.size += int64(n)
	a.sha1.Write(p[:n]) // neither fails
	a.sha256.Write(p[:n])
	return n, err
}

func (a *arrival) digest() string { return "sha256:" + hex.EncodeToString(a.sha256.Sum(nil)) }

// recall reads what came before, at most limit bytes of it.
func (a *arrival) recall(ctx context.Context, limit int64) error {
	if a.partial.Validator == "" {
		return nil // there is nothing of use
	}
	if _, err := a.partial.File.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(io.MultiWriter(a.sha1, a.sha256), contextReader{ctx, io.LimitReader(a.partial.File, limit+1)})
	a.size = n
	return err
}

// restart forgets what came before; validator is that of what comes now.
func (a *arrival) restart(validator string) error {
	if a.partial == nil {
		return nil
	}
	a.size = 0
	a.sha1.Reset()
	a.sha256.Reset()
	a.partial.Validator = validator
	if err := a.partial.File.Truncate(0); err != nil {
		return err
	}
	if _, err := a.partial.File.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if a.partial.Began == nil {
		return nil
	}
	return a.partial.Began(validator)
}

// begin asks for what is still to come. Without an answer and an error there is nothing.
func (c *Client) begin(ctx context.Context, address string, to *arrival) (*http.Response, error) {
	if to.size == 0 {
		return c.whole(ctx, address, to)
	}
	response, err := c.get(ctx, address, "Range", fmt.Sprintf("bytes=%d-", to.size), "If-Range", to.partial.Validator)
	var code status
	switch {
	case errors.As(err, &code) && code == http.StatusRequestedRangeNotSatisfiable:
		if response.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", to.size) {
			return nil, nil
		}
		return c.whole(ctx, address, to)
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusOK: // it is another one now
		return response, closing(response, to.restart(validatorOf(response.Header)))
	}
	if !to.goesOn(response.Header) {
		response.Body.Close()
		if err := to.restart(""); err != nil {
			return nil, err
		}
		return c.whole(ctx, address, to)
	}
	return response, nil
}

// whole asks for all of it.
func (c *Client) whole(ctx context.Context, address string, to *arrival) (*http.Response, error) {
	response, err := c.get(ctx, address)
	if err != nil {
		return nil, err
	}
	return response, closing(response, to.restart(validatorOf(response.Header)))
}

// closing closes an answer that nobody reads because of err.
func closing(response *http.Response, err error) error {
	if err != nil {
		response.Body.Close()
	}
	return err
}

// goesOn tells whether a part is the one that is missing, of what is there.
func (a *arrival) goesOn(h http.Header) bool {
	validator := a.partial.Validator
	for _, name := range []string{"Etag", "Last-Modified"} {
		if value := h.Get(name); value != "" && strings.HasPrefix(validator, `"`) == (name == "Etag") && value != validator {
			return false
		}
	}
	return strings.HasPrefix(h.Get("Content-Range"), fmt.Sprintf("bytes %d-", a.size))
}

const (
	// maxValidator bounds what is kept of a header, in bytes.
	maxValidator = 256
	// settled is how much older than an answer what it is of has to be, for its date to say
	// which bytes it is: within a moment there may be others of the same date.
	settled = time.Minute
)

// validatorOf is by what an answer can be asked for again in parts, RFC 9110, 13.1.5: an ETag
// that is strong, or, without any, a date that is. "" for nothing.
func validatorOf(h http.Header) string {
	if tag := h.Get("Etag"); tag != "" {
		if len(tag) > maxValidator || !strings.HasPrefix(tag, `"`) {
			return ""
		}
		return tag
	}
	text := h.Get("Last-Modified")
	modified, err := http.ParseTime(text)
	date, noDate := http.ParseTime(h.Get("Date"))
	if err != nil || noDate != nil || len(text) > maxValidator || date.Sub(modified) < settled {
		return ""
	}
	return text
}
