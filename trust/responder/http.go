package responder

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/trust/authority"
)

const (
	// maxOCSPRequest bounds a request: one certificate and a nonce take under 200 bytes.
	maxOCSPRequest = 4 << 10
	// maxCRLAge bounds how long caches keep a list: what was revoked since is missing.
	maxCRLAge = 10 * time.Minute
)

// ServeHTTP answers
//
//	POST /ocsp              RFC 6960, A.1: the request is the body
//	GET  /ocsp/<request>    the same in base64; answers can be cached, RFC 5019, 6
//	GET  /crl/<name>.crl    the last list of the root, by the name root, or of a host, in DER
//
// The path is looked at as it came: two slashes in a row are base64, too.
func (r *Responder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	path := req.URL.EscapedPath()
	switch {
	case path == authority.OCSPPath || path == authority.OCSPPath+"/":
		r.servePost(w, req)
	case strings.HasPrefix(path, authority.OCSPPath+"/"):
		r.serveGet(w, req, strings.TrimPrefix(path, authority.OCSPPath+"/"))
	case strings.HasPrefix(path, authority.CRLFolder) && strings.HasSuffix(path, ".crl"):
		r.serveCRL(w, req, strings.TrimSuffix(strings.TrimPrefix(path, authority.CRLFolder), ".crl"))
	default:
		http.NotFound(w, req)
	}
}

func (r *Responder) servePost(w http.ResponseWriter, req *http.Request) {
	if !allow(w, req, http.MethodPost) {
		return
	}
	if kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || kind != "application/ocsp-request" {
		http.Error(w, "a request is application/ocsp-request", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxOCSPRequest))
	if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
		http.Error(w, fmt.Sprintf("a request has at most %d bytes", maxOCSPRequest), http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		http.Error(w, "the request ended early", http.StatusBadRequest)
		return
	}
	answer := r.Answer(body)
	cacheable(w, answer)
	w.Header().Set("Content-Type", "application/ocsp-response")
	// The client may have gone; there is nobody to tell.
	_, _ = w.Write(answer.DER)
}

func (r *Responder) serveGet(w http.ResponseWriter, req *http.Request, text string) {
	if !allow(w, req, http.MethodGet, http.MethodHead) {
		return
	}
	text, err := url.PathUnescape(text)
	if err != nil || len(text) > base64.StdEncoding.EncodedLen(maxOCSPRequest) {
		http.Error(w, "the request is too long, or no path", http.StatusBadRequest)
		return
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		http.Error(w, "the request is not base64", http.StatusBadRequest)
		return
	}
	answer := r.Answer(der)
	cacheable(w, answer)
	w.Header().Set("Content-Type", "application/ocsp-response")
	http.ServeContent(w, req, "", answer.ThisUpdate, bytes.NewReader(answer.DER))
}

func (r *Responder) serveCRL(w http.ResponseWriter, req *http.Request, name string) {
	if !allow(w, req, http.MethodGet, http.MethodHead) {
		return
	}
	ca := r.find(name)
	if ca == nil {
		http.NotFound(w, req)
		return
	}
	list, err := ca.CRL()
	var e *authority.Error
	if errors.As(err, &e) && e.Code == authority.CodeNotFound {
		http.NotFound(w, req)
		return
	} else if err != nil {
		r.log.Error("reading a list of revoked certificates", "ca", name, "err", err)
		http.Error(w, "the list can not be read", http.StatusInternalServerError)
		return
	}
	cacheable(w, Answer{DER: list.Raw, ThisUpdate: list.ThisUpdate, NextUpdate: earlier(list.NextUpdate, time.Now().Add(maxCRLAge))})
	w.Header().Set("Content-Type", "application/pkix-crl")
	http.ServeContent(w, req, "", list.ThisUpdate, bytes.NewReader(list.Raw))
}

// cacheable sets the headers of RFC 5019, 6.2. An answer without times says why there is
// none, and is nobody's to keep.
func cacheable(w http.ResponseWriter, a Answer) {
	h := w.Header()
	if a.NextUpdate.IsZero() {
		h.Set("Cache-Control", "no-store")
		return
	}
	sum := sha256.Sum256(a.DER)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	h.Set("Last-Modified", a.ThisUpdate.UTC().Format(http.TimeFormat))
	h.Set("Expires", a.NextUpdate.UTC().Format(http.TimeFormat))
	age := max(0, int(time.Until(a.NextUpdate).Seconds()))
	h.Set("Cache-Control", fmt.Sprintf("max-age=%d, public, no-transform, must-revalidate", age))
}

// allow answers 405 for other methods.
func allow(w http.ResponseWriter, req *http.Request, methods ...string) bool {
	for _, m := range methods {
		if req.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "only "+strings.Join(methods, " and ")+" here", http.StatusMethodNotAllowed)
	return false
}
