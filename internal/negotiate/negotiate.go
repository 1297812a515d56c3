// Package negotiate reads the headers in which a client says which form of an answer it
// takes, and gives answers that form: compressed or not (Accept-Encoding), again or not
// (If-None-Match), under which name (Request-Id). All listeners use it.
package negotiate

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
)

// WorthIt is the least size of a payload that is compressed: smaller ones fit into a
// packet anyway.
const WorthIt = 1 << 10

// A Gzip compresses. It keeps its writers, each of which has most of a megabyte; the zero
// value is ready.
type Gzip struct{ writers sync.Pool } // of *gzip.Writer

// Write writes payload to w as gzip.
func (p *Gzip) Write(w io.Writer, payload []byte) error {
	z, ok := p.writers.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
	}
	z.Reset(w)
	_, err := z.Write(payload)
	if err == nil {
		err = z.Close()
	}
	z.Reset(io.Discard)
	p.writers.Put(z)
	return err
}

// Bytes returns payload as gzip.
func (p *Gzip) Bytes(payload []byte) ([]byte, error) {
	var b bytes.Buffer
	err := p.Write(&b, payload)
	return b.Bytes(), err
}

// TakesGzip reads Accept-Encoding (RFC 9110, 12.5.3): gzip is taken when it is named,
// or else *, with a quality over zero. What is malformed counts for nothing.
func TakesGzip(h http.Header) bool {
	star, named := false, false
	for _, value := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(value, ",") {
			coding, parameters, _ := strings.Cut(item, ";")
			coding = strings.TrimSpace(coding)
			isGzip := strings.EqualFold(coding, "gzip") || strings.EqualFold(coding, "x-gzip")
			if !isGzip && coding != "*" {
				continue
			}
			wanted := wanted(parameters)
			if isGzip {
				if !wanted {
					return false
				}
				named = true
				continue
			}
			star = wanted
		}
	}
	return named || star
}

// wanted reads the parameters of a coding: nothing, or q and a number from 0 to 1
// with at most three digits after the point. It reports whether the number is over
// zero.
func wanted(parameters string) bool {
	parameters = strings.TrimSpace(parameters)
	if parameters == "" {
		return true
	}
	name, number, ok := strings.Cut(parameters, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return false
	}
	whole, digits, _ := strings.Cut(strings.TrimSpace(number), ".")
	if len(digits) > 3 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	zeros := strings.Trim(digits, "0") == ""
	return whole == "1" && zeros || whole == "0" && !zeros
}
