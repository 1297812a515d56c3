package edge

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/host/internal/router"
)

// worthIt is the least size of a payload that is compressed: smaller ones fit into a
// packet anyway.
const worthIt = 1 << 10

// gzipPool keeps writers, each of which has most of a megabyte.
type gzipPool struct{ writers sync.Pool } // of *gzip.Writer

// compress writes payload to w as gzip.
func (p *gzipPool) compress(w io.Writer, payload []byte) error {
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

// compressed returns payload as gzip.
func (p *gzipPool) compressed(payload []byte) ([]byte, error) {
	var b bytes.Buffer
	err := p.compress(&b, payload)
	return b.Bytes(), err
}

// mayCompress reports whether a payload of this media type is compressed for a
// client that takes it so.
func mayCompress(media string, size int) bool {
	if size < worthIt {
		return false
	}
	essence, _, ok := router.MediaType(media)
	if !ok {
		return false
	}
	switch essence {
	case "text/event-stream":
		return false
	case "application/xml", "application/javascript", "application/x-ndjson", "application/yaml":
		return true
	}
	return router.IsJSON(essence) || strings.HasPrefix(essence, "text/") || strings.HasSuffix(essence, "+xml")
}

// negotiate says in the headers of an answer that it may be compressed, and reports
// whether it is.
func (x *exchange) negotiate() bool {
	h := x.w.Header()
	h["Vary"] = append(h["Vary"], "Accept-Encoding")
	if !takesGzip(x.r.Header) {
		return false
	}
	h["Content-Encoding"] = []string{"gzip"}
	return true
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3): gzip is taken when it is named,
// or else *, with a quality over zero. What is malformed counts for nothing.
func takesGzip(h http.Header) bool {
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
