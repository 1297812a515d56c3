package negotiate

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// reply is the answer to a GET: WriteJSON and Write know by it what the client takes.
type reply struct {
	http.ResponseWriter
	request *http.Request
	zips    *Gzip
}

// Reply returns w as the answer to r, a GET or HEAD, which is given the form that its
// client takes: whoever writes it does so with WriteJSON, WriteEncoded, WriteText or Write.
func Reply(w http.ResponseWriter, r *http.Request, zips *Gzip) http.ResponseWriter {
	return &reply{w, r, zips}
}

// Unwrap is for http.ResponseController.
func (a *reply) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush sends what was written so far, for handlers that look for it.
func (a *reply) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// WriteJSON answers with v.
//
// The answer to a GET has an ETag, and is 304 for a client that has it already. An ETag
// that the route has set itself is kept: clients send it back in If-Match.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeVersion(w, status, append(body, '\n'))
}

// WriteEncoded answers with JSON that is encoded already, as WriteJSON does.
func WriteEncoded(w http.ResponseWriter, body []byte) error {
	return writeVersion(w, http.StatusOK, body)
}

func writeVersion(w http.ResponseWriter, status int, body []byte) error {
	a, ok := w.(*reply)
	if !ok || status != http.StatusOK {
		return Write(w, status, "application/json", body)
	}
	etag, send := w.Header().Get("Etag"), write // one form, if it has one ETag
	if etag == "" {
		etag, send = ETag(body), Write
		if a.takes(body) {
			etag = Zipped(etag)
		}
	}
	w.Header().Set("Etag", etag)
	if Has(a.request.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return send(w, status, "application/json", body)
}

// takes says in the headers that the answer may be compressed, and reports whether it is.
func (a *reply) takes(body []byte) bool {
	if len(body) < WorthIt {
		return false
	}
	if !slices.Contains(a.Header()["Vary"], "Accept-Encoding") {
		a.Header().Add("Vary", "Accept-Encoding") // it may be different for other headers, too
	}
	return TakesGzip(a.request.Header)
}

// Write answers with a body of this media type, which is a text: compressed, for those
// who take it so, where that is worth it.
func Write(w http.ResponseWriter, status int, media string, body []byte) error {
	if a, ok := w.(*reply); ok && a.takes(body) {
		zipped, err := a.zips.Bytes(body)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
		body = zipped
	}
	return write(w, status, media, body)
}

func write(w http.ResponseWriter, status int, media string, body []byte) error {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone is not an error of ours
	return nil
}

// WriteText answers with a text of this media type: compressed for those who take it so,
// and not again for those who have it.
func WriteText(w http.ResponseWriter, media string, body []byte) error {
	etag := ETag(body)
	a, ok := w.(*reply)
	if ok && a.takes(body) {
		etag = Zipped(etag)
	}
	w.Header().Set("Etag", etag)
	if ok && Has(a.request.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return Write(w, http.StatusOK, media, body)
}
