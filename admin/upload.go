package admin

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// upload takes a bundle, as the body or as the field file of a form. It is not kept
// here: the host reads it from the connection.
func (h *handler) upload(w http.ResponseWriter, r *http.Request) error {
	on, err := switches(r, "dry_run", "wait")
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	done, err := h.receive(control, r, on["dry_run"])
	if err != nil {
		hangUp(w, control)
		return err
	}
	if done.Warnings == nil {
		done.Warnings = []string{}
	}
	if done.Permissions == nil {
		done.Permissions = []string{}
	}
	if done.Needs == nil {
		done.Needs = []host.Need{}
	}
	done.Reason = completeReason(done.Reason)
	switch {
	case on["dry_run"]:
		return h.writeJSON(w, http.StatusOK, done)
	case on["wait"]:
		return h.writeSettled(w, r, done.ID)
	}
	w.Header().Set("Location", "/api/v1/extensions/"+url.PathEscape(done.ID))
	return h.writeJSON(w, http.StatusAccepted, done)
}

// hangUp makes the answer that follows the last of its connection: what is still on
// its way is not read, so nothing can come behind it.
func hangUp(w http.ResponseWriter, control *http.ResponseController) {
	w.Header().Set("Connection", "close")
	// A client that still sends must hear the answer before the connection is reset
	// under it. The server waits for that only after too large a body, of which it
	// learns from MaxBytesReader alone.
	_, _ = http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
	now := time.Now()
	_ = control.SetReadDeadline(now.Add(time.Second)) // as in allow
	_ = control.SetWriteDeadline(now.Add(answerTime))
}

// receive hands the bundle in the body of r to the host.
func (h *handler) receive(control *http.ResponseController, r *http.Request, dryRun bool) (host.Uploaded, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return host.Uploaded{}, problem(http.StatusUnsupportedMediaType, "unsupported_media", "a bundle is taken as it is, without Content-Encoding")
	}
	if r.ContentLength == 0 {
		return host.Uploaded{}, invalid("the request has no body; send the bundle in it")
	}
	in := &incoming{body: whole(r), control: control, stall: h.stall}
	upload := host.Upload{Body: in, Size: r.ContentLength, DryRun: dryRun, Actor: actor(r)}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && (media == "application/java-archive" || media == "application/octet-stream"):
		in.limit(h.cfg.MaxUpload, h.tooLarge())
		if r.ContentLength > h.cfg.MaxUpload { // before a byte of it is read
			return host.Uploaded{}, h.tooLarge()
		}
	case err == nil && media == "multipart/form-data":
		if r.ContentLength > h.cfg.MaxUpload+maxAround {
			return host.Uploaded{}, h.tooLarge()
		}
		upload.Size = -1 // that of the form is another
		if upload.Body, err = openForm(in, params["boundary"], h.cfg.MaxUpload, h.tooLarge()); err != nil {
			return host.Uploaded{}, err
		}
	default:
		return host.Uploaded{}, problem(http.StatusUnsupportedMediaType, "unsupported_media",
			"send the bundle as application/java-archive or application/octet-stream, or as the field file of a multipart/form-data form")
	}
	done, err := h.cfg.Host.Upload(r.Context(), upload)
	if err != nil && in.failure != nil { // that is why, whatever the host made of it
		return host.Uploaded{}, in.failure
	}
	return done, err
}

func (h *handler) tooLarge() *Problem {
	p := problem(http.StatusRequestEntityTooLarge, host.CodeTooLarge,
		fmt.Sprintf("the bundle is larger than %d bytes, the limit bundle.max_bytes of this host", h.cfg.MaxUpload))
	p.Hint = "set bundle.max_bytes in conf/jackfield.properties and start the host again, or make the bundle smaller"
	return p
}
