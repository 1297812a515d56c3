package repositories

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

const (
	// maxDocument is the largest document that is kept to be asked for conditionally.
	maxDocument  = 1 << 20
	maxDocuments = 32 << 20 // all of them
)

// conditional asks for documents that it has only if they have changed, and answers with
// those. It keeps what says by an ETag or a date which version it is.
type conditional struct {
	next http.RoundTripper

	mu   sync.Mutex
	have map[string]document // by URL
	size int
}

type document struct {
	header http.Header
	body   []byte
}

// RoundTrip implements http.RoundTripper.
func (c *conditional) RoundTrip(request *http.Request) (*http.Response, error) {
	key := request.URL.String()
	c.mu.Lock()
	old, known := c.have[key]
	c.mu.Unlock()
	if known && request.Method == http.MethodGet {
		request = request.Clone(request.Context())
		for from, to := range map[string]string{"Etag": "If-None-Match", "Last-Modified": "If-Modified-Since"} {
			if value := old.header.Get(from); value != "" {
				request.Header.Set(to, value)
			}
		}
	}
	response, err := c.next.RoundTrip(request)
	switch {
	case err != nil:
		return nil, err
	case known && response.StatusCode == http.StatusNotModified:
		response.Body.Close()
		response.StatusCode, response.Status = http.StatusOK, "200 OK"
		response.Header = old.header.Clone()
		response.ContentLength = int64(len(old.body))
		response.Body = io.NopCloser(bytes.NewReader(old.body))
	case response.StatusCode == http.StatusOK && request.Method == http.MethodGet && response.ContentLength >= 0 && response.ContentLength <= maxDocument &&
		(response.Header.Get("Etag") != "" || response.Header.Get("Last-Modified") != ""):
		copied := &bytes.Buffer{}
		header := response.Header.Clone()
		response.Body = tee{response.Body, copied, func() { c.put(key, document{header, copied.Bytes()}) }}
	}
	return response, nil
}

// put keeps a document; when there is no room it forgets all others.
func (c *conditional) put(key string, d document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.have == nil || c.size+len(d.body) > maxDocuments {
		c.have, c.size = map[string]document{}, 0
	}
	c.size += len(d.body) - len(c.have[key].body)
	c.have[key] = d
}
