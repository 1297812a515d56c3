package ownpages

import (
	"bytes"
	"errors"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// clientName is the file that is the host's own in the pages of every extension: the
// frame's half of the bridge.
const clientName = "jackfield.js"

// policy is what a document of the pages may do. The sandbox gives it an origin that
// nothing else has, in a window of its own as well. 'self' is where it was loaded from;
// of that only what has a key in its path answers without a session, and the rest may not
// be used by other origins. There is no way out: no connections, forms, frames or peers,
// and the page around does not let its frame go elsewhere.
const policy = "sandbox allow-scripts allow-forms; default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' data:; font-src 'self'; connect-src 'none'; form-action 'none'; base-uri 'none'; " +
	"frame-src 'none'; frame-ancestors 'self'; webrtc 'block'"

// FrameSource is the part of the policy of a page around a frame that keeps the frame
// here: without it the frame could leave for another server, with what it knows.
const FrameSource = "frame-src 'self'"

// file serves one file to a frame. Errors are plain text under the frame's own policy:
// an error page of ours has no business in there.
func (s *Site) file(w http.ResponseWriter, r *http.Request) error {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Del("X-Frame-Options") // which knows no frame-ancestors 'self'
	// What is loaded by an origin that is nobody's comes from elsewhere: modules and fonts
	// are asked for as by another site. Only who has the key gets this far.
	head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	head.Set("Access-Control-Allow-Origin", "*")
	head.Set("X-DNS-Prefetch-Control", "off")

	id, ok := s.keys.opens(r.PathValue("key"))
	if !ok {
		refuse(w, http.StatusNotFound, "This address is not valid any more. Load the page again.")
		return nil
	}
	name := r.PathValue("file")
	if name == clientName {
		client, err := clientFile.ReadFile("client/" + clientName)
		if err != nil {
			return err // it is part of the program
		}
		head.Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(client))
		return nil
	}
	f, err := s.host.OpenUI(id, name)
	if err != nil {
		var refused *host.Error
		if errors.As(err, &refused) && refused.Code == host.CodeTooLarge {
			refuse(w, http.StatusRequestEntityTooLarge, "This file is too large to be shown.")
			return nil
		}
		refuse(w, http.StatusNotFound, "There is no such file.")
		return nil
	}
	defer f.Close()
	head.Set("Content-Type", f.MediaType)
	http.ServeContent(w, r, "", f.Modified, f)
	return nil
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a client that is gone is not an error of ours
}
