package jami

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
)

// details answers /details/{id}: the object that a list has.
func (f *Face) details(w http.ResponseWriter, r *http.Request, id string) error {
	arch := r.URL.Query().Get("arch")
	o, err := f.offered(id, arch)
	if err != nil {
		return err
	}
	newest := o.releases[0]
	w.Header().Add("Vary", "Accept-Language")
	return f.writeJSON(w, r, f.item(id, o.listing.Publisher.Organization, o.listing.Texts,
		release{id, newest.Version, stamp(newest.Published)}, language(r.Header.Get("Accept-Language")), arch))
}

// versions answers /versions/{id}: the newest first. The client reads the first one without
// looking whether there is one, so an empty list is never sent.
func (f *Face) versions(w http.ResponseWriter, r *http.Request, id string) error {
	o, err := f.offered(id, r.URL.Query().Get("arch"))
	if err != nil {
		return err
	}
	list := make([]release, 0, len(o.releases))
	for _, r := range o.releases {
		list = append(list, release{id, r.Version, stamp(r.Published)})
	}
	return f.writeJSON(w, r, list)
}

// download answers /download/{arch}/{id}: the newest file. The client shows how far it is,
// for which it needs Content-Length.
func (f *Face) download(w http.ResponseWriter, r *http.Request, arch, id string) error {
	o, err := f.offered(id, arch)
	if err != nil {
		return err
	}
	blob, err := f.catalogue.Open(r.Context(), o.file.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": o.file.Name}))
	h.Set("ETag", strconv.Quote(o.file.Digest))
	if r.Method == http.MethodGet && r.Header.Get("Range") == "" && !negotiate.Has(r.Header["If-None-Match"], h.Get("ETag")) && f.options.Downloaded != nil {
		f.options.Downloaded(id, o.releases[0].Version, o.platform)
	}
	http.ServeContent(w, r, "", time.Time{}, blob)
	return nil
}

// icon answers /icons/{id}, background /backgrounds/{id}.
func (f *Face) icon(w http.ResponseWriter, r *http.Request, id string) error {
	return f.picture(w, r, id, func(p store.Pictures) *store.Picture { return p.Icon }, f.blank.icon, "image/png")
}

func (f *Face) background(w http.ResponseWriter, r *http.Request, id string) error {
	return f.picture(w, r, id, func(p store.Pictures) *store.Picture { return p.Background }, f.blank.background, "image/jpeg")
}

// picture serves a picture, which the store drew anew when it took the release. For a
// listing without one it is a blank: while the client waits for its list, it takes an error
// of any request for one of the list, and says that the store cannot be reached.
func (f *Face) picture(w http.ResponseWriter, r *http.Request, id string, of func(store.Pictures) *store.Picture, blank []byte, media string) error {
	o, err := f.offered(id, r.URL.Query().Get("arch"))
	if err != nil {
		return err
	}
	p := of(o.listing.Pictures)
	if p == nil || p.Media != "image/png" && p.Media != "image/jpeg" {
		w.Header().Set("Content-Type", media)
		w.Header().Set("ETag", negotiate.ETag(blank))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blank))
		return nil
	}
	blob, err := f.catalogue.Open(r.Context(), p.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	w.Header().Set("Content-Type", p.Media)
	w.Header().Set("ETag", strconv.Quote(p.Digest))
	http.ServeContent(w, r, "", time.Time{}, blob)
	return nil
}

func (f *Face) writeJSON(w http.ResponseWriter, r *http.Request, value any) error {
	body, err := json.Marshal(value)
	if err == nil {
		f.write(w, r, "application/json", f.prepare(body))
	}
	return err
}

// prepared is a body that is ready to be sent.
type prepared struct {
	plain, zipped []byte // zipped is nil where it is not worth it
	tag           string // of plain
}

func (f *Face) prepare(body []byte) prepared {
	p := prepared{plain: body, tag: negotiate.ETag(body)}
	if len(body) >= negotiate.WorthIt {
		p.zipped, _ = f.zips.Bytes(body) // memory takes all
	}
	return p
}

// write sends a body: not at all to whoever has it, compressed to whoever takes that.
func (f *Face) write(w http.ResponseWriter, r *http.Request, media string, p prepared) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Add("Vary", "Accept-Encoding")
	body, tag := p.plain, p.tag
	zipped := p.zipped != nil && negotiate.TakesGzip(r.Header)
	if zipped {
		body, tag = p.zipped, negotiate.Zipped(tag)
	}
	h.Set("ETag", tag)
	if negotiate.Has(r.Header["If-None-Match"], tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client has gone
	}
}

// blanks are the pictures of listings that have none.
type blanks struct{ icon, background []byte }

func makeBlanks() blanks {
	plain := func(w, h int) image.Image {
		img := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{R: 0x8a, G: 0x93, B: 0x9d, A: 0xff}), image.Point{}, draw.Src)
		return img
	}
	var icon, background bytes.Buffer
	// Neither can fail: the pictures are sound, and memory takes all.
	_ = png.Encode(&icon, plain(64, 64))
	_ = jpeg.Encode(&background, plain(160, 90), nil)
	return blanks{icon.Bytes(), background.Bytes()}
}
