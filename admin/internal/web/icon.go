package web

import (
	"bytes"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// WriteIcon answers with a picture that the host has drawn. A client may keep it for a
// while, and asks then whether it is still the same. Where somebody opens it as a page, that
// may do nothing.
func WriteIcon(w http.ResponseWriter, r *http.Request, icon host.Icon) {
	head := w.Header()
	head.Set("Content-Type", icon.Media)
	head.Set("ETag", icon.ETag)
	head.Set("Cache-Control", "private, max-age=300")
	head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(icon.Data))
}
