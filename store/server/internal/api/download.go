package api

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// download answers GET …/download with a file of a release: whole, or a range of it.
func (a *API) download(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "platform")
	if err != nil {
		return err
	}
	l, err := find(a.cfg.Catalogue.Current(), r)
	if err != nil {
		return err
	}
	rel, err := findRelease(l, r)
	if err != nil {
		return err
	}
	if rel.State == store.TakenDown {
		p := web.NewProblem(web.TakenDown, l.ID+" "+rel.Version+" was taken down")
		p.Hint = rel.Note
		return p
	}
	file, platform, err := fileFor(rel, values.Get("platform"))
	if err != nil {
		return err
	}
	media := "application/octet-stream"
	switch l.Format {
	case store.FormatBundle:
		media = "application/java-archive"
	case store.FormatJameica:
		media = "application/zip"
	}
	head := w.Header()
	head.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	head.Set("Cache-Control", "public, max-age=300")
	begins := r.Method == http.MethodGet && a.cfg.Downloaded != nil
	return a.writeBlob(w, r, blob{digest: file.Digest, media: media, modified: rel.Published, sent: func() {
		if begins {
			a.cfg.Downloaded(l.ID, rel.Version, platform)
		}
	}})
}

// fileFor is the file of a release for a platform, and a platform that it is for. Where
// there is one file only nobody needs to name one.
func fileFor(rel *store.Release, platform string) (*store.File, string, error) {
	var all []string
	for i := range rel.Files {
		f := &rel.Files[i]
		if slices.Contains(f.Platforms, platform) {
			return f, platform, nil
		}
		all = append(all, f.Platforms...)
	}
	slices.Sort(all)
	switch {
	case platform != "":
		return nil, "", web.NewProblem(web.NotFound, "there is no file for this platform, but for "+strings.Join(all, ", "))
	case len(rel.Files) == 1:
		name := ""
		if len(rel.Files[0].Platforms) > 0 {
			name = rel.Files[0].Platforms[0]
		}
		return &rel.Files[0], name, nil
	}
	return nil, "", web.Invalid("say which file with platform=, one of %s", strings.Join(all, ", "))
}

func (a *API) icon(w http.ResponseWriter, r *http.Request) error {
	return a.picture(w, r, func(p store.Pictures) *store.Picture { return p.Icon })
}

func (a *API) background(w http.ResponseWriter, r *http.Request) error {
	return a.picture(w, r, func(p store.Pictures) *store.Picture { return p.Background })
}

func (a *API) screenshot(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(web.Var(r, "n"))
	return a.picture(w, r, func(p store.Pictures) *store.Picture {
		if err != nil || n < 1 || n > len(p.Screenshots) {
			return nil
		}
		return &p.Screenshots[n-1]
	})
}

func (a *API) picture(w http.ResponseWriter, r *http.Request, of func(store.Pictures) *store.Picture) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	l, err := find(a.cfg.Catalogue.Current(), r)
	if err != nil {
		return err
	}
	p := of(l.Pictures)
	if p == nil {
		return web.NewProblem(web.NotFound, "there is no such picture of "+l.ID)
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return a.writeBlob(w, r, blob{digest: p.Digest, media: p.Media, modified: l.Updated})
}

// blob is what is answered with.
type blob struct {
	digest, media string
	modified      time.Time
	sent          func() // before the first byte of it is; nil for nobody to tell
}

// writeBlob answers with bytes by their digest, which is their ETag: whole or in part, or
// not at all for those who have them.
func (a *API) writeBlob(w http.ResponseWriter, r *http.Request, b blob) error {
	file, err := a.cfg.Blobs.Open(r.Context(), b.digest)
	if errors.Is(err, blobs.ErrNotFound) {
		return errors.New("the bytes of " + b.digest + " are missing")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	head := w.Header()
	head.Set("Content-Type", b.media)
	head.Set("Etag", quoted(b.digest))
	if sum, ok := store.ParseDigest(b.digest); ok {
		text := base64.StdEncoding.EncodeToString(sum[:])
		head.Set("Repr-Digest", "sha-256=:"+text+":")
		head.Set("Digest", "sha-256="+text)
	}
	http.ServeContent(&beginning{web.Pace(w, r), b.sent}, r, "", b.modified, file)
	return nil
}

// beginning tells when an answer begins with the first byte of what it is of: ranges behind
// it complete a download that was told of already.
type beginning struct {
	http.ResponseWriter
	sent func()
}

func (b *beginning) WriteHeader(status int) {
	from, partial := b.Header()["Content-Range"]
	first := status == http.StatusOK || partial && strings.HasPrefix(from[0], "bytes 0-")
	if b.sent != nil && first && (status == http.StatusOK || status == http.StatusPartialContent) {
		b.sent()
	}
	b.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }
