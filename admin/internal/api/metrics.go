package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Measured is how an extension fares.
type Measured struct {
	// Measure is nil as long as nobody has looked.
	Measure *host.Measure `json:"measure"`
	Series  *host.Series  `json:"series"` // of the last five minutes
	Day     *host.Series  `json:"day"`    // of the last 24 hours
}

// metrics answers with how one extension fares, or with its metrics as Prometheus reads
// them.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	values, err := web.Parameters(r, "format")
	if err != nil {
		return err
	}
	if e, ok := a.cfg.Host.Extension(id); !ok || e.ID == e.File {
		return web.NoExtension()
	}
	text := strings.Contains(r.Header.Get("Accept"), "text/plain") || strings.Contains(r.Header.Get("Accept"), "openmetrics")
	switch values.Get("format") {
	case "text":
		text = true
	case "json":
		text = false
	case "":
	default:
		return web.Invalid("format is json or text")
	}
	if text {
		promhttp.HandlerFor(a.cfg.Host.GathererOf(id), promhttp.HandlerOpts{
			ErrorHandling: promhttp.ContinueOnError, Timeout: 20 * time.Second, EnableOpenMetrics: true,
		}).ServeHTTP(w, r)
		return nil
	}
	var m Measured
	if measure, ok := a.cfg.Host.Measures()[id]; ok {
		m.Measure = &measure
	}
	if s, ok := a.cfg.Host.Series(id, host.LastMinutes); ok {
		m.Series = &s
	}
	if s, ok := a.cfg.Host.Series(id, host.LastDay); ok {
		m.Day = &s
	}
	return web.WriteJSON(w, http.StatusOK, m)
}

func metricsDoc() *web.Doc {
	return &web.Doc{
		ID: "readMetrics", Summary: "How an extension fares: now, in the last five minutes and the last day",
		Description: "With format=text, or for those who accept text/plain and say nothing of a format, the metrics of /metrics that are about this extension.",
		Takes:       []web.Parameter{{Name: "format", Summary: "json unless Accept says otherwise", Enum: []string{"json", "text"}}},
		Answers: []web.Answer{{Status: http.StatusOK, Summary: "Measures and series, or metrics",
			Content: append(web.JSON(Measured{}), web.Content{Media: "text/plain"}, web.Content{Media: "application/openmetrics-text"})}},
	}
}
