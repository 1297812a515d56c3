package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Lines are those of a log that is followed; *host.LogFollower is one.
type Lines interface {
	// Next waits for the next line, or until ctx ends: then it may be called again.
	Next(ctx context.Context) (host.LogLine, error)
	Close()
}

// Missed is the data of the event "missed".
type Missed struct {
	// Lines is how many lines were missed, -1 when nobody knows.
	Lines int `json:"lines"`
}

// logRequest is what is asked of a log.
type logRequest struct {
	query                  host.LogQuery
	json, follow, download bool
}

func readLogRequest(r *http.Request) (logRequest, error) {
	var q logRequest
	values, err := web.Parameters(r, "tail", "level", "contains", "since", "format", "follow", "download")
	if err != nil {
		return q, err
	}
	for name, on := range map[string]*bool{"follow": &q.follow, "download": &q.download} {
		switch values.Get(name) {
		case "true":
			*on = true
		case "false", "":
		default:
			return q, web.Invalid(fmt.Sprintf("write %s=true or %s=false", name, name))
		}
	}
	switch values.Get("format") {
	case "json":
		q.json = true
	case "text", "":
	default:
		return q, web.Invalid("format is text or json")
	}
	q.query.Level, q.query.Contains = values.Get("level"), values.Get("contains")
	if values.Has("tail") {
		n, err := strconv.Atoi(values.Get("tail"))
		if err != nil || n < 0 || n > host.MaxTail {
			return q, web.Invalid(fmt.Sprintf("tail must be a number from 0 to %d", host.MaxTail))
		}
		if q.query.Tail = n; n == 0 {
			q.query.Tail = -1
		}
	}
	if values.Has("since") {
		if q.query.Since, err = time.Parse(time.RFC3339Nano, values.Get("since")); err != nil {
			return q, web.Invalid("since is a time as in 2026-11-26T12:00:00Z")
		}
	}
	if q.download && (q.follow || len(values) > 1) {
		return q, web.Invalid("download=true is the whole log, as it is: it has no other parameters")
	}
	return q, nil
}

// logs answers with what an extension has said.
func (a *API) logs(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	q, err := readLogRequest(r)
	if err != nil {
		return err
	}
	switch {
	case q.download:
		return a.downloadLog(w, r, id)
	case q.follow:
		return a.followLog(w, r, id, q)
	}
	select { // reading back far is work
	case a.reading <- struct{}{}:
		defer func() { <-a.reading }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	lines, err := a.cfg.Host.Logs(r.Context(), id, q.query)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, line := range lines {
		text, err := q.encode(line)
		if err != nil {
			return err
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	media := "text/plain; charset=utf-8"
	if q.json {
		media = "application/x-ndjson"
	}
	return web.Write(w, http.StatusOK, media, b.Bytes())
}

// encode is a line as it is asked for: as it stands in the file, or as JSON.
func (q logRequest) encode(line host.LogLine) ([]byte, error) {
	if q.json {
		return json.Marshal(line)
	}
	return []byte(line.Raw), nil
}

// followLog answers with server-sent events, each a line.
func (a *API) followLog(w http.ResponseWriter, r *http.Request, id string, q logRequest) error {
	after := r.Header.Get("Last-Event-ID")
	lines, err := a.cfg.Follow(r.Context(), id, q.query, after)
	if err != nil {
		return err
	}
	defer lines.Close()
	s, err := a.cfg.Streams.Open(w, r, access.See)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	web.Pump(s, lines.Next, func(line host.LogLine) error {
		if line.Missed != 0 {
			data, err := json.Marshal(Missed{line.Missed})
			if err != nil {
				return err
			}
			return s.Send("missed", "", data)
		}
		data, err := q.encode(line)
		if err != nil {
			return err
		}
		return s.Send("line", line.Position, data)
	})
	return nil
}

// downloadLog answers with the whole log as a file.
func (a *API) downloadLog(w http.ResponseWriter, r *http.Request, id string) error {
	log, err := a.cfg.Host.LogFile(id)
	if err != nil {
		return err
	}
	defer log.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(id)+`.log"`)
	if r.Method == http.MethodHead {
		return nil
	}
	return web.Copy(w, log)
}

// fileName is an id that any system takes as a name, and that needs no quoting.
func fileName(id string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_$", c) {
			return c
		}
		return '_'
	}, id)
}

func logsDoc() *web.Doc {
	line := []web.Content{{Media: "text/plain"}, {Media: "application/x-ndjson", Of: host.LogLine{}}, {Media: "text/event-stream"}}
	return &web.Doc{
		ID: "readLogs", Summary: "What an extension has said",
		Description: "The last lines, the oldest first: as text, as they stand in the file, or as one JSON object a line. With follow=true they are " +
			"server-sent events, and those go on: line (data: the line in the format asked for) and missed (data: how many lines a reader that was too slow has " +
			"missed here, -1 when nobody knows). Whoever comes back with Last-Event-ID goes on behind that line.",
		Takes: []web.Parameter{
			{Name: "tail", Summary: "How many of the last lines that match, 0 to 10000; 200 unless it is given", Of: 0},
			{Name: "level", Summary: "The least level", Enum: host.LogLevels()},
			{Name: "contains", Summary: "A text in the message, or in KEY=VALUE of an attribute, whatever the case of its letters"},
			{Name: "since", Summary: "Leave out what is older: a time as in RFC 3339"},
			{Name: "format", Summary: "text unless it is given", Enum: []string{"text", "json"}},
			web.Flag("follow", "Go on with the lines that come"),
			web.Flag("download", "The whole log as a file; without other parameters"),
			{Name: "Last-Event-ID", In: "header", Summary: "The id of the last line that was seen, with follow=true"},
		},
		Answers: []web.Answer{{Status: http.StatusOK, Summary: "The lines", Content: line,
			Headers: []web.Parameter{{Name: "Content-Disposition", Summary: "With download=true: attachment, and a file name"}}}},
		Codes: []string{"canceled"},
	}
}
