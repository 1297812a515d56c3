package web

import (
	"net/http"

	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// WriteFile answers with a file of ours, a text of this media type: compressed for those
// who take it so, and not again for those who have it, who ask each time.
func WriteFile(w http.ResponseWriter, _ *http.Request, media string, body []byte) error {
	w.Header().Set("Cache-Control", "no-cache")
	return negotiate.WriteText(w, media, body)
}
