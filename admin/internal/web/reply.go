package web

import (
	"net/http"

	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// WriteJSON answers with v.
//
// The answer to a GET has an ETag, and is 304 for a client that has it already. An ETag
// that the route has set itself is kept: clients send it back in If-Match.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	return negotiate.WriteJSON(w, status, v)
}

// WriteEncoded answers with JSON that is encoded already, as WriteJSON does.
func WriteEncoded(w http.ResponseWriter, body []byte) error {
	return negotiate.WriteEncoded(w, body)
}

// Write answers with a body of this media type, which is a text: compressed, for those
// who take it so, where that is worth it.
func Write(w http.ResponseWriter, status int, media string, body []byte) error {
	return negotiate.Write(w, status, media, body)
}
