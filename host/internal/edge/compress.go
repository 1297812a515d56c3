package edge

import (
	"strings"

	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// mayCompress reports whether a payload of this media type is compressed for a
// client that takes it so.
func mayCompress(media string, size int) bool {
	if size < negotiate.WorthIt {
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
	if !negotiate.TakesGzip(x.r.Header) {
		return false
	}
	h["Content-Encoding"] = []string{"gzip"}
	return true
}
