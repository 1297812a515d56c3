// Package mattermosttest is the part of a Mattermost server that meets a marketplace, with
// its mistakes. It is for tests only.
//
//	m := &mattermosttest.Server{Marketplace: url, Version: "9.5.0", Platform: "linux-amd64"}
//	err := m.Refresh()              // what its console shows is in m.Shown
//	file, err := m.Install("org.acme.hello")
package mattermosttest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Entry is what the server reads of one entry. Its decoder passes over what it does not know.
type Entry struct {
	HomepageURL     string  `json:"homepage_url"`
	IconData        string  `json:"icon_data"`
	DownloadURL     string  `json:"download_url"`
	ReleaseNotesURL string  `json:"release_notes_url"`
	Labels          []Label `json:"labels"`
	Hosting         string  `json:"hosting"`
	AuthorType      string  `json:"author_type"`
	ReleaseStage    string  `json:"release_stage"`
	Enterprise      bool    `json:"enterprise"`
	Signature       string  `json:"signature"`
	Manifest        *struct {
		ID               string `json:"id"`
		Name             string `json:"name"`
		Description      string `json:"description"`
		HomepageURL      string `json:"homepage_url"`
		SupportURL       string `json:"support_url"`
		ReleaseNotesURL  string `json:"release_notes_url"`
		Version          string `json:"version"`
		MinServerVersion string `json:"min_server_version"`
	} `json:"manifest"`
	InstalledVersion string `json:"-"`
}

// Label is a label of entries.
type Label struct{ Name, Description, URL, Color string }

// Server is one. The fields in the second part are what an administrator sees.
type Server struct {
	Marketplace, Version, Platform string
	Enterprise, Cloud              bool
	// PerPage is -1, for all: it is never sent, and the usual page is taken for all.
	PerPage int
	// RequireSignature is its setting RequirePluginSignature.
	RequireSignature bool

	Shown     map[string]Entry  // by id
	Installed map[string]string // id to version
}

// get is a request without a header of its own.
func get(address string) ([]byte, error) {
	answer, err := http.Get(address)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %s", address, answer.Status, body)
	}
	return body, err
}

// Query asks the marketplace with more parameters: name, value.
func (s *Server) Query(more ...string) ([]Entry, error) {
	q := url.Values{}
	if s.PerPage > 0 {
		q.Set("per_page", strconv.Itoa(s.PerPage))
	}
	q.Set("server_version", s.Version)
	q.Set("enterprise_plugins", strconv.FormatBool(s.Enterprise))
	q.Set("cloud", strconv.FormatBool(s.Cloud))
	q.Set("build_enterprise_ready", strconv.FormatBool(s.Enterprise)) // which no marketplace reads
	q.Set("local_only", "false")
	q.Set("remote_only", "false")
	q.Set("platform", s.Platform)
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	body, err := get(s.Marketplace + "/api/v1/plugins?" + q.Encode())
	if err != nil {
		return nil, err
	}
	var list []Entry
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the list is none: %w", err)
	}
	for i, e := range list {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("entry %d breaks the whole list: %w", i, err)
		}
		list[i].InstalledVersion = s.Installed[e.Manifest.ID]
	}
	return list, nil
}

var (
	semantic = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?$`)
	validID  = regexp.MustCompile(`^[a-zA-Z0-9-_\.]+$`)
)

// check is what its parsers ask for.
func (e Entry) check() error {
	m := e.Manifest
	switch {
	case m == nil:
		return fmt.Errorf("there is no manifest")
	case !validID.MatchString(m.ID) || len(m.ID) < 3 || len(m.ID) > 190:
		return fmt.Errorf("the id %q is none", m.ID)
	case strings.TrimSpace(m.Name) == "":
		return fmt.Errorf("%s has no name", m.ID)
	case !semantic.MatchString(m.Version), m.MinServerVersion != "" && !semantic.MatchString(m.MinServerVersion):
		return fmt.Errorf("%s has the version %q and needs %q", m.ID, m.Version, m.MinServerVersion)
	}
	for _, address := range []string{m.HomepageURL, m.SupportURL, m.ReleaseNotesURL, e.HomepageURL, e.ReleaseNotesURL} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("%s has the address %q", m.ID, address)
		}
	}
	if data, is := strings.CutPrefix(e.IconData, "data:image/"); e.IconData != "" {
		_, encoded, found := strings.Cut(data, ";base64,")
		if _, err := base64.StdEncoding.DecodeString(encoded); !is || !found || err != nil {
			return fmt.Errorf("%s has an icon that is none", m.ID)
		}
	}
	return nil
}

// Refresh asks for everything, as each look at the console does.
func (s *Server) Refresh() error {
	list, err := s.Query()
	s.Shown = map[string]Entry{}
	for _, e := range list {
		s.Shown[strings.ToLower(e.Manifest.ID)] = e
	}
	return err
}

// Update reports whether the console offers an update of what is installed.
func (s *Server) Update(id string) bool {
	e, ok := s.Shown[id]
	return ok && e.InstalledVersion != "" && e.InstalledVersion != e.Manifest.Version
}

// Install fetches the best version of an id.
func (s *Server) Install(id string) ([]byte, error) {
	list, err := s.Query("plugin_id", id)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("there are %d entries of %s", len(list), id)
	}
	if s.RequireSignature && list[0].Signature == "" {
		return nil, fmt.Errorf("%s is not signed", id)
	}
	body, err := get(list[0].DownloadURL)
	if err == nil {
		if s.Installed == nil {
			s.Installed = map[string]string{}
		}
		s.Installed[id] = list[0].Manifest.Version
	}
	return body, err
}
