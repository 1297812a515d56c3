package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reason is why something is not as it should be.
type reason struct {
	Code    string `json:"code"`
	Stage   string `json:"stage"`
	Message string `json:"message"`
}

// row is an extension as the admin API shows it.
type row struct {
	ID        string  `json:"id"`
	Version   string  `json:"version"`
	State     string  `json:"state"`
	Reason    *reason `json:"reason"`
	PID       int     `json:"pid"`
	Restarts  int     `json:"restarts"`
	Claims    string  `json:"claims"`
	File      string  `json:"file"`
	Candidate *struct {
		Version string  `json:"version"`
		File    string  `json:"file"`
		State   string  `json:"state"`
		Reason  *reason `json:"reason"`
	} `json:"candidate"`
	Versions []struct {
		Version string `json:"version"`
		Current bool   `json:"current"`
		Pinned  bool   `json:"pinned"`
	} `json:"versions"`
}

// pinned is the version that the row says is pinned, "" for none.
func (r row) pinned() string {
	for _, v := range r.Versions {
		if v.Pinned {
			return v.Version
		}
	}
	return ""
}

// runs reports whether the row is of a running version.
func (r row) runs(version string) bool {
	return r.State == "running" && r.Version == version && r.PID != 0
}

func (r row) String() string {
	text := fmt.Sprintf("%s %s %s", r.ID, r.Version, r.State)
	if r.Reason != nil {
		text += " (" + r.Reason.Code + ": " + r.Reason.Message + ")"
	}
	if c := r.Candidate; c != nil {
		text += " candidate " + c.Version + " " + c.State
		if c.Reason != nil {
			text += " (" + c.Reason.Code + ")"
		}
	}
	return text
}

// call sends one request with the administrator's token and returns status and body.
func (h *host) call(ctx context.Context, method, url, media string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

func (h *host) api(path string) string { return "http://" + h.admin + "/api/v1/" + path }

// rows lists what the host has.
func (h *host) rows(ctx context.Context) ([]row, error) {
	var list struct {
		Extensions []row `json:"extensions"`
	}
	status, text, err := h.call(ctx, http.MethodGet, h.api("extensions"), "", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the list of extensions answers %d %.200s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	return list.Extensions, err
}

// row finds one extension; the zero row when there is none.
func (h *host) row(ctx context.Context, name string) (row, error) {
	rows, err := h.rows(ctx)
	if i := slices.IndexFunc(rows, func(r row) bool { return r.ID == idOf(name) }); i >= 0 {
		return rows[i], err
	}
	return row{}, err
}

// awaitRow waits until the row of an extension is as it should be.
func (h *host) awaitRow(ctx context.Context, within time.Duration, name, what string, as func(row) bool) (row, error) {
	var last row
	err := await(ctx, within, idOf(name)+" "+what, func() (bool, error) {
		if !h.running() {
			return false, fmt.Errorf("the host ended: %s", h.cmd.ProcessState)
		}
		var err error
		last, err = h.row(ctx, name)
		return err == nil && as(last), nil
	})
	if err != nil {
		err = fmt.Errorf("%w; it is: %s", err, last)
	}
	return last, err
}

func (h *host) awaitVersion(ctx context.Context, name, version string) (row, error) {
	return h.awaitRow(ctx, patience, name, "runs "+version, func(r row) bool { return r.runs(version) })
}

// verb asks for an administrator's act. Only status 200 means that it holds.
func (h *host) verb(ctx context.Context, name, verb, body string) (int, error) {
	media := ""
	if body != "" {
		media = "application/json"
	}
	status, _, err := h.call(ctx, http.MethodPost, h.api("extensions/"+idOf(name)+"/"+verb), media, []byte(body))
	return status, err
}

// upload sends a bundle. Only status 202 means that it is accepted.
func (h *host) upload(ctx context.Context, jar []byte) (int, error) {
	status, _, err := h.call(ctx, http.MethodPost, h.api("extensions"), "application/java-archive", jar)
	return status, err
}

// metrics reads those without labels.
func (h *host) metrics(ctx context.Context) (map[string]float64, error) {
	status, text, err := h.call(ctx, http.MethodGet, "http://"+h.admin+"/metrics", "", nil)
	if err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %d (%w)", status, err)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			values[name] = n
		}
	}
	return values, nil
}

// load starts a load on one extension, which stays below the given timeout.
func (h *host) load(ctx context.Context, name string, rate, clients int, timeout time.Duration) *load {
	return startLoad(ctx, loadSpec{url: "http://" + h.requests + "/v1/requests/" + typeOf(name), rate: rate, clients: clients, timeout: timeout})
}
