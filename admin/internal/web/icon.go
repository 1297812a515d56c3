package web

import (
	"bytes"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// WriteIcon answers with a picture that the host has drawn. A client may keep it for a
// while, and asks then whether it is still the same.
func WriteIcon(w http.ResponseWriter, r *http.Request, icon host.Icon) {
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("ETag", icon.ETag)
	w.Header().Set("Cache-Control", "private, max-age=300")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(icon.Data))
}
