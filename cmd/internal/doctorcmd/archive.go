package doctorcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/support"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// logTail is how many lines of each extension's log are taken, eventTail how many
	// events of its history, mostLogs of how many extensions: those that do not run first.
	logTail, eventTail = 500, 100
	mostLogs           = 200
	// maxPart bounds one answer of the host that goes into the archive.
	maxPart = 64 << 20
)

const readme = `This is what 'jackfield doctor --bundle' found; it helps those who help.

  findings.json    what is wrong, and what to do
  versions.json    of this program, the host and the machine
  about.json       the host itself: limits that hold, trust, database, disk
  settings.json    the keys of the configuration, and where they were set
  extensions.json  the extensions as they stand
  history/         the last events of each
  logs/            the last lines of each one's log
  metrics.txt      what Prometheus reads
  goroutines.txt   what the host is doing
  missing.txt      what could not be had, and why

Files of the host's own log are not in it: systemd has them ('journalctl -u jackfield').
Not taken at all are configurations of extensions, the audit trail, the database, tokens,
keys and the data of extensions. What is here went through rules that blank secrets they
know, and what looks like one. Secrets that extensions write into their logs in a form of
their own can not be told from other text: look before you send.
`

// archive writes what was found, and what the host tells of itself, into a file.
func (e *exam) archive(ctx context.Context, path string, notes io.Writer) (err error) {
	name := "jackfield-support-" + e.now.UTC().Format("20060102-150405")
	a, err := support.Create(path, name, support.NewRedactor(e.secrets()), e.now)
	if err != nil {
		return output.Errorf("name a file that is not there yet", "making the archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = output.Errorf("", "making the archive: %w", errors.Join(err, a.Discard()))
		}
	}()
	bar := output.NewProgress(notes, "archive", -1)
	defer bar.End()
	p := packer{exam: e, archive: a, say: bar.Say}
	if err := p.pack(ctx); err != nil {
		return err
	}
	if closed := a.Close(); closed != nil {
		return output.Errorf("", "making the archive: %w", closed)
	}
	bar.End()
	_, err = fmt.Fprintf(notes, "jackfield: wrote %s; look into it before you send it\n", visible.Text(path))
	return err
}

// secrets are those that this user can read; they are nowhere in the archive, whatever
// wrote them where.
func (e *exam) secrets() []string {
	all := []string{e.client.Secret(), os.Getenv("JACKFIELD_TOKEN")}
	if !e.here() {
		return all
	}
	files := []string{e.home.AdminToken(), e.home.InitialPassword(), e.home.SecretKey(), e.home.RequestsTokens()}
	if e.config != nil && e.config.AdminOIDCSecretFile != "" {
		files = append(files, e.config.SecretFile(e.home))
	}
	if e.config != nil {
		if _, key := e.config.TLSFiles(e.home); key != "" {
			files = append(files, key)
		}
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue // what can not be read here can hardly have been read in
		}
		data, err := io.ReadAll(io.LimitReader(f, 1<<20))
		f.Close()
		if err != nil {
			continue
		}
		all = append(all, string(data))
		all = append(all, strings.Fields(string(data))...)
	}
	return all
}

// packer puts things into an archive, and keeps what could not be had.
type packer struct {
	*exam
	archive *support.Archive
	say     func(word string)
	missing []string
}

func (p *packer) pack(ctx context.Context) error {
	versions := map[string]any{
		"jackfield": p.report.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "time": p.report.Time,
	}
	if p.about != nil {
		versions["host"] = map[string]string{"version": p.about.Version, "go": p.about.Go, "platform": p.about.OS + "/" + p.about.Arch, "kernel": p.about.Kernel}
	}
	settings := p.settings
	if settings == nil && p.config != nil {
		settings = p.config.Effective
	}
	err := errors.Join(
		p.archive.Add("README.txt", []byte(readme)),
		p.addJSON("findings.json", p.report), p.addJSON("versions.json", versions),
		p.addJSON("about.json", p.about), p.addJSON("settings.json", settings), p.addJSON("extensions.json", p.rows),
	)
	if err != nil {
		return err
	}
	if p.client != nil {
		if err := p.packHost(ctx); err != nil {
			return err
		}
	} else {
		p.missing = append(p.missing, "everything that a running host tells: none runs")
	}
	p.missing = append(p.missing, p.archive.Left()...)
	return p.archive.Add("missing.txt", []byte(strings.Join(append(p.missing, ""), "\n")))
}

// packHost takes what the host tells.
func (p *packer) packHost(ctx context.Context) error {
	for _, part := range []struct {
		file  string
		path  []string
		query url.Values
	}{
		{"metrics.txt", []string{"metrics"}, nil},
		{"goroutines.txt", []string{"debug", "pprof", "goroutine"}, url.Values{"debug": {"2"}}},
	} {
		if err := p.take(ctx, part.file, part.query, part.path...); err != nil {
			return err
		}
	}
	ids := []string{}
	for _, runs := range []bool{false, true} {
		for _, row := range p.rows {
			if (row.State == "running") == runs && row.ID != row.File {
				ids = append(ids, row.ID)
			}
		}
	}
	if len(ids) > mostLogs {
		p.missing = append(p.missing, fmt.Sprintf("history and logs of %d of %d extensions", len(ids)-mostLogs, len(ids)))
		ids = ids[:mostLogs]
	}
	for _, id := range ids {
		p.say(id)
		api := []string{"api", "v1", "extensions", id}
		err := errors.Join(
			p.take(ctx, "history/"+fileName(id)+".json", url.Values{"limit": {strconv.Itoa(eventTail)}}, append(api, "history")...),
			p.take(ctx, "logs/"+fileName(id)+".log", url.Values{"tail": {strconv.Itoa(logTail)}}, append(api, "logs")...),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// fileName is an id as the name of a file: ids are strict, but who knows what answers.
func fileName(id string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r < ' ' {
			return '_'
		}
		return r
	}, visible.Clip(id, 200))
}

// take puts an answer of the host into the archive; one that does not come is missing.
// The error is that of the archive, or of ctx.
func (p *packer) take(ctx context.Context, file string, query url.Values, path ...string) error {
	limited, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	data, err := p.fetch(limited, query, path)
	if err != nil {
		p.missing = append(p.missing, file+": "+visible.Text(err.Error()))
		return ctx.Err()
	}
	return p.archive.Add(file, data)
}

func (p *packer) fetch(ctx context.Context, query url.Values, path []string) ([]byte, error) {
	req, err := p.client.RequestAt(ctx, http.MethodGet, nil, query, path...)
	if err != nil {
		return nil, err
	}
	resp, err := p.client.HTTP.Do(req)
	if err != nil {
		return nil, hostclient.Unreachable("asking for "+strings.Join(path, "/"), req.URL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, hostclient.Refusal("asking for "+strings.Join(path, "/"), resp)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxPart))
}

func (p *packer) addJSON(file string, value any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the rules look for what stands there
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return err
	}
	return p.archive.Add(file, b.Bytes())
}
