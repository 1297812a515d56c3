package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Source is where the bytes of a store come from: its address, a folder, an exported file.
// Nothing of what it gives is trusted. A part that does not exist is fs.ErrNotExist. Whoever
// gets a body closes it; a Source minds its context until then.
type Source interface {
	// Timestamp returns the envelope and its tag. known is the tag of the last one, or
	// empty; the body is nil when that one is still current.
	Timestamp(ctx context.Context, known string) (body io.ReadCloser, tag string, err error)
	// Object returns the bytes of a document of the index.
	Object(ctx context.Context, digest string) (io.ReadCloser, error)
	// File returns the bytes of a file of a release from offset to its end.
	File(ctx context.Context, want ReleaseFile, offset int64) (io.ReadCloser, error)
}

// IconSource is a Source that has the icons of listings, too.
type IconSource interface {
	// Icon returns the bytes of the icon of a listing, which its document names.
	Icon(ctx context.Context, listing string, icon Picture) (io.ReadCloser, error)
}

// ReleaseFile is one file of a release with all that it can be asked for by.
type ReleaseFile struct {
	Listing string // id
	Version string
	File    File
}

// HTTPSource reads a store by its native API.
type HTTPSource struct {
	base   string
	client *http.Client
}

// NewHTTPSource reads the store at base, as https://store.acme.example or with a path below
// which it is. nil is a client that follows five redirections, but none from https to http,
// and waits half a minute for an answer to begin; with another one that is the caller's.
func NewHTTPSource(base string, client *http.Client) (*HTTPSource, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%.200q is not the address of a store: write it as https://store.acme.example", base)
	}
	if client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = 30 * time.Second
		client = &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	}
	return &HTTPSource{base: strings.TrimRight(base, "/") + "/api/v1/", client: client}, nil
}

func checkRedirect(to *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errors.New("it redirects more than five times")
	}
	if via[len(via)-1].URL.Scheme == "https" && to.URL.Scheme != "https" {
		return errors.New("it redirects from https to " + to.URL.Scheme)
	}
	return nil
}

// Timestamp asks with If-None-Match.
func (s *HTTPSource) Timestamp(ctx context.Context, known string) (io.ReadCloser, string, error) {
	header := http.Header{}
	if known != "" {
		header.Set("If-None-Match", known)
	}
	response, err := s.get(ctx, "snapshot/timestamp", header, http.StatusOK, http.StatusNotModified)
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode == http.StatusNotModified {
		response.Body.Close()
		return nil, known, nil
	}
	return response.Body, response.Header.Get("ETag"), nil
}

// Object asks for an object; it may come compressed.
func (s *HTTPSource) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	response, err := s.get(ctx, "snapshot/objects/"+digest, nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// File asks for a range when offset is not 0. Of a server that sends all of it nevertheless,
// what was not asked for is passed over.
func (s *HTTPSource) File(ctx context.Context, want ReleaseFile, offset int64) (io.ReadCloser, error) {
	path := "listings/" + url.PathEscape(want.Listing) + "/releases/" + url.PathEscape(want.Version) + "/download"
	if len(want.File.Platforms) > 0 {
		path += "?platform=" + url.QueryEscape(want.File.Platforms[0])
	}
	header := http.Header{"Accept-Encoding": {"identity"}} // a digest is of the bytes as they are
	if offset > 0 {
		header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	}
	response, err := s.get(ctx, path, header, http.StatusOK, http.StatusPartialContent)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusPartialContent {
		if !strings.HasPrefix(response.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(offset, 10)+"-") {
			response.Body.Close()
			return nil, errors.New("it answers with another part of the file than was asked for")
		}
		return response.Body, nil
	}
	return skip(response.Body, offset)
}

// Icon asks for the icon that the listing has now: it is another one than was meant if that
// has changed since.
func (s *HTTPSource) Icon(ctx context.Context, listing string, _ Picture) (io.ReadCloser, error) {
	response, err := s.get(ctx, "listings/"+url.PathEscape(listing)+"/icon", http.Header{"Accept-Encoding": {"identity"}}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

func (s *HTTPSource) get(ctx context.Context, path string, header http.Header, want ...int) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", "jackfield")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	for _, status := range want {
		if response.StatusCode == status {
			return response, nil
		}
	}
	response.Body.Close()
	if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusGone {
		return nil, fs.ErrNotExist
	}
	return nil, fmt.Errorf("it answers with status %d", response.StatusCode)
}

// skip passes over the first bytes of a body.
func skip(body io.ReadCloser, offset int64) (io.ReadCloser, error) {
	if seeker, ok := body.(io.Seeker); ok {
		if _, err := seeker.Seek(offset, io.SeekStart); err == nil {
			return body, nil
		}
	}
	if n, err := io.CopyN(io.Discard, body, offset); err != nil {
		body.Close()
		return nil, fmt.Errorf("it ends after %d bytes, before the %d that are here already", n, offset)
	}
	return body, nil
}

// Names in an exported catalogue: beside the timestamp every object, every icon and every file
// of a release by its digest, sha256/<first two digits>/<all digits>.
const exportedTimestamp = "timestamp.json"

func exportedName(digest string) (string, error) {
	if _, ok := ParseDigest(digest); !ok {
		return "", fs.ErrNotExist
	}
	hex := strings.TrimPrefix(digest, digestPrefix)
	return "sha256/" + hex[:2] + "/" + hex, nil
}

// ExportSource reads an exported catalogue: a folder, or the file that Export writes.
type ExportSource struct{ fs fs.FS }

// NewExportSource reads a folder, or any other file system, in the form that Export and
// ExportDir write.
func NewExportSource(fsys fs.FS) *ExportSource { return &ExportSource{fsys} }

// OpenExport opens an exported folder or file. Whoever opens closes it.
func OpenExport(path string) (source *ExportSource, close func() error, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path) // links in it do not lead out of it
		if err != nil {
			return nil, nil, err
		}
		return NewExportSource(root.FS()), root.Close, nil
	}
	file, err := openZip(path)
	if err != nil {
		return nil, nil, err
	}
	return NewExportSource(file), file.Close, nil
}

// Timestamp has no tag: the file is small, and near.
func (s *ExportSource) Timestamp(context.Context, string) (io.ReadCloser, string, error) {
	body, err := s.open(exportedTimestamp)
	return body, "", err
}

// Object opens an object.
func (s *ExportSource) Object(_ context.Context, digest string) (io.ReadCloser, error) {
	name, err := exportedName(digest)
	if err != nil {
		return nil, err
	}
	return s.open(name)
}

// File opens the file of a release, if it was exported.
func (s *ExportSource) File(ctx context.Context, want ReleaseFile, offset int64) (io.ReadCloser, error) {
	body, err := s.Object(ctx, want.File.Digest)
	if err != nil {
		return nil, err
	}
	return skip(body, offset)
}

// Icon opens the icon of a listing, if it was exported.
func (s *ExportSource) Icon(ctx context.Context, _ string, icon Picture) (io.ReadCloser, error) {
	return s.Object(ctx, icon.Digest)
}

// open opens a regular file: it looks first, since a pipe would wait.
func (s *ExportSource) open(name string) (io.ReadCloser, error) {
	info, err := fs.Stat(s.fs, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	return s.fs.Open(name)
}
