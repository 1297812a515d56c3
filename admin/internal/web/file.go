package web

import (
	"net/http"

	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// WriteFile answers with a file of ours, a text of this media type: compressed for those
// who take it so, and not again for those who have it, who ask each time.
func WriteFile(w http.ResponseWriter, r *http.Request, media string, body []byte) error {
	etag := negotiate.ETag(body)
	if a, ok := w.(*reply); ok && a.takes(body) {
		etag = negotiate.Zipped(etag)
	}
	w.Header().Set("Etag", etag)
	w.Header().Set("Cache-Control", "no-cache")
	if negotiate.Has(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return Write(w, http.StatusOK, media, body)
}
