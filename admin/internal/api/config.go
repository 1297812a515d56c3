package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// configRoutes are those of the configurations of extensions.
func (a *API) configRoutes() []web.Route {
	const config = "/api/v1/extensions/{id}/config"
	return []web.Route{
		{Method: "GET", Path: config, Right: access.See, Serve: a.showConfig, Doc: &web.Doc{
			ID: "showConfig", Summary: "What is set for an extension, without its secrets",
			Description: "schema is null when the extension has none. What is not among values has the default of its schema.",
			Answers:     configAnswers("The configuration", host.Configuration{}),
		}},
		{Method: "PUT", Path: config, Right: access.Configure, Serve: a.putConfig, Doc: &web.Doc{
			ID: "putConfig", Summary: "Configure an extension",
			Description: "The body is the whole of values. A secret that is left out stays as it is, one that is null is cleared. " +
				"The answer comes when the change is durable and the extension has it: its process takes it, or a new one takes over with it, or it does not run.",
			Takes: []web.Parameter{
				web.Flag("dry_run", "Check the values and say what would change; nothing is changed"),
				{Name: "If-Match", In: "header", Summary: "The ETag of the configuration that was changed: 412 if it is another one by now"},
			},
			Body:    web.JSON(map[string]any{}),
			Answers: configAnswers("The configuration as it is then, and what has changed", host.ConfigurationResult{}),
			Codes:   []string{"conflict", "too_large", "unsupported_media", "validation_failed", "not_found", "canceled"},
		}},
		{Method: "GET", Path: config + "/revisions", Right: access.See, Serve: a.listConfigRevisions, Doc: &web.Doc{
			ID: "listConfigRevisions", Summary: "The last configurations of an extension, the newest first, without secrets",
			Answers: web.OK("The revisions that are kept, 20 at most", ConfigRevisions{}),
		}},
	}
}

func configAnswers(summary string, of any) []web.Answer {
	return []web.Answer{{Status: http.StatusOK, Summary: summary, Content: web.JSON(of), Headers: []web.Parameter{{Name: "ETag", Summary: "The revision"}}}}
}

// ConfigRevisions is the answer about the configurations of before.
type ConfigRevisions struct {
	Revisions []host.ConfigurationRevision `json:"revisions"`
}

func (a *API) showConfig(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	c, err := a.cfg.Host.Configuration(r.Context(), id)
	if err != nil {
		return err
	}
	w.Header().Set("Etag", etagOf(c.Revision))
	return web.WriteJSON(w, http.StatusOK, c)
}

func etagOf(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

func (a *API) listConfigRevisions(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	list, err := a.cfg.Host.ConfigurationRevisions(r.Context(), id)
	if err != nil {
		return err
	}
	if list == nil {
		list = []host.ConfigurationRevision{}
	}
	return web.WriteJSON(w, http.StatusOK, ConfigRevisions{list})
}

// maxConfig bounds the body of a configuration. The host's own limit is as large.
const maxConfig = 256 << 10

func (a *API) putConfig(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	on, err := web.Switches(r, "dry_run")
	if err != nil {
		return err
	}
	change := host.ConfigurationChange{ID: id, DryRun: on["dry_run"], Actor: web.Actor(r)}
	if change.Revision, err = a.configAsked(r, id); err != nil {
		return err
	}
	if change.Values, err = readConfig(w, r); err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), web.MaxWait) // a new process may have to take over
	result, err := a.cfg.Host.Configure(r.Context(), change)
	if err != nil {
		return err
	}
	w.Header().Set("Etag", etagOf(result.Revision))
	return web.WriteJSON(w, http.StatusOK, result)
}

// configAsked returns the revision that If-Match of r names, if it is the one of now; -1
// for no condition.
func (a *API) configAsked(r *http.Request, id string) (int64, error) {
	tags, set, err := web.Precondition(r)
	if err != nil || !set {
		return -1, err
	}
	c, err := a.cfg.Host.Configuration(r.Context(), id)
	if err != nil {
		return 0, err
	}
	for _, tag := range tags {
		if tag == strconv.FormatInt(c.Revision, 10) {
			return c.Revision, nil
		}
	}
	return 0, web.Stale()
}

func readConfig(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, web.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media", "a configuration is application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxConfig))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, web.NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, fmt.Sprintf("a configuration has at most %d bytes", over.Limit))
	case err != nil:
		return nil, web.Invalid("the body did not arrive")
	}
	return body, nil
}
