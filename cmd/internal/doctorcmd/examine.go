package doctorcmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/cmd/internal/servecmd"
	"github.com/jackfield-host/jackfield/host"
)

// patience bounds one question to a host; all others have their own bounds.
const patience = 10 * time.Second

// exam is one look at everything. Its checks run one after the other; each adds findings.
type exam struct {
	report *Report
	home   host.Home // "" where the host is elsewhere
	now    time.Time

	client *hostclient.Client // nil where no host runs
	found  error              // why there is no client

	// What the host said, empty where it has not.
	about    *host.About
	settings []host.Setting
	rows     []host.Extension
	refused  map[string]error // why it has not, by question

	repositories []host.Repository

	config *servecmd.Config // of the home; nil where it is wrong
}

// examine looks at the host of t, and at its home if that is on this machine.
func examine(ctx context.Context, t *hostclient.Target, version string) *exam {
	e := &exam{now: time.Now(), refused: map[string]error{}}
	e.report = &Report{Time: e.now.UTC(), Version: version, Findings: []Finding{}}
	e.client, e.found = t.Connect()
	if e.found != nil {
		e.client = nil
	}
	if !t.Elsewhere() {
		e.home = running.Home(t.Home)
		e.report.Home = string(e.home)
	}
	e.ask(ctx)
	for _, check := range []func(context.Context){
		e.checkHome, e.checkDisk, e.checkDatabase, e.checkConfiguration, e.checkHost, e.checkPorts, e.checkTLS,
		e.checkKernel, e.checkLimits, e.checkTrust, e.checkClock, e.checkRepositories, e.checkExtensions,
	} {
		if ctx.Err() != nil {
			break
		}
		check(ctx)
	}
	slices.SortStableFunc(e.report.Findings, func(a, b Finding) int {
		return slices.Index(Checks(), a.Check) - slices.Index(Checks(), b.Check)
	})
	return e
}

// add adds a finding without a subject.
func (e *exam) add(check string, level Level, message, next string) {
	e.addAbout(check, level, "", message, next)
}

func (e *exam) addAbout(check string, level Level, subject, message, next string) {
	e.report.Findings = append(e.report.Findings, Finding{Check: check, Level: level, Subject: subject, Message: message, Next: next})
}

// here reports whether the home is on this machine.
func (e *exam) here() bool { return e.home != "" }

// ask asks the host for all it says of itself.
func (e *exam) ask(ctx context.Context) {
	if e.client == nil {
		return
	}
	ask := func(name string, into any) bool {
		err := e.client.Ask(ctx, hostclient.Question{What: "asking for " + name, Path: []string{name}, Patience: patience}, into)
		if err != nil {
			e.refused[name] = err
		}
		return err == nil
	}
	var about host.About
	if ask("about", &about) {
		e.about = &about
		e.report.Running = true
	}
	var settings struct{ Settings []host.Setting }
	var list struct{ Extensions []host.Extension }
	if ask("settings", &settings) {
		e.settings = settings.Settings
	}
	if ask("extensions", &list) {
		e.rows = list.Extensions
	}
	var places struct{ Repositories []host.Repository }
	if ask("repositories", &places) {
		e.repositories = places.Repositories
	}
}

// checkHost says whether the host runs, answers and is ready.
func (e *exam) checkHost(ctx context.Context) {
	switch {
	case e.client == nil && errors.Is(e.found, running.ErrNone):
		e.add("host", Note, e.found.Error(), "start it with 'jackfield serve --home "+string(e.home)+"'; what only a running host knows is left out")
		return
	case e.client == nil:
		e.add("host", Fail, e.found.Error(), "see whether run/host.json belongs to a host that runs, and whether this user may read it")
		return
	}
	for _, name := range []string{"about", "settings", "extensions"} {
		if err := e.refused[name]; err != nil {
			e.add("host", Fail, err.Error(), hintOf(err))
		}
	}
	if e.about != nil {
		e.addAbout("host", OK, e.client.Admin.Host, fmt.Sprintf("version %s answers, process %d, since %s",
			e.about.Version, e.about.PID, e.about.Started.Local().Format(time.DateTime)), "")
		if e.about.Version != e.report.Version {
			e.add("host", Note, "this program is version "+e.report.Version+" and the host "+e.about.Version,
				"restart the host if it is to run the version that is installed")
		}
	}
	if e.client.Requests == nil {
		return
	}
	at := e.client.Requests.Host
	status, _, err := e.look(ctx, hostclient.At(e.client.Requests, "readyz"))
	switch {
	case err != nil:
		e.addAbout("host", Fail, at, "the request listener does not answer: "+err.Error(), "see the log of the host; from elsewhere, see whether the address is right and a firewall lets it through")
	case status == http.StatusOK:
		e.addAbout("host", OK, at, "ready: every extension has settled", "")
	default:
		e.addAbout("host", Warn, at, fmt.Sprintf("not ready (%d): not every extension has settled once", status), "wait for timeouts.start; if it stays so, see which extension is starting")
	}
}

// hintOf is what an error says to do.
func hintOf(err error) string {
	if hints := output.Hints(err); len(hints) > 0 {
		return strings.Join(hints, "; ")
	}
	return "see the log of the host"
}

// look asks an open address of the host, and returns the status and when it says it is.
func (e *exam) look(ctx context.Context, address string) (status int, date time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, time.Time{}, err
	}
	resp, err := e.client.HTTP.Do(req)
	if err != nil {
		return 0, time.Time{}, err
	}
	defer resp.Body.Close()
	date, _ = http.ParseTime(resp.Header.Get("Date")) // zero for none
	return resp.StatusCode, date, nil
}
