package host

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

// extension is one extension of the host: what should run of it, and what leads it
// there. It belongs to the reconciler's goroutine.
type extension struct {
	host   *Host
	id     string
	gate   *router.Gate
	deploy *deploy.Deployment
	data   *deploy.Folder

	entry    *catalog.Entry // what should run; nil when it is not installed any more
	wanted   *edition       // of entry
	fallback *fallback
	missing  []string // what it needs and does not run yet
	settled  bool     // was in a settled state once
	// waits is why wanted must not run: nobody has consented to it. again is when that is
	// to be written down once more, zero for never.
	waits *lifecycle.Reason
	again time.Time
	// retry and restart are counted up by verbs; restored is the restart for which the
	// data were asked back.
	orders orders
	// outdated is a process that was asked to be replaced for its configuration.
	outdated instance
}

// orders are what verbs have asked of an extension since the host started.
type orders struct {
	restart, retry uint64
	renew          uint64 // restart that takes something from the processes of before
	restoreData    bool   // of the next upgrade
	trial          *trial // the configuration for which restart was counted up last; nil for none
}

// status is how an extension is doing, and what of it.
type status struct {
	supervisor.Status
	edition  *edition // nil when nothing of it is on its way
	instance instance // nil
}

// status says how e is doing.
func (e *extension) status(view deploy.View) status {
	s := status{}
	if view.Instance != nil {
		s.Status = view.Instance.Status()
		s.edition, _ = view.Version.(*edition)
		s.instance, _ = view.Instance.(instance)
	}
	switch {
	case view.Held && s.edition != nil:
		// Its requests wait; nobody sees anything of the hand-over.
		s.State, s.Reason, s.Restarting = lifecycle.Running, nil, false
	case view.Instance != nil:
	case e.entry == nil:
		s.State = lifecycle.Removed
		s.Reason = lifecycle.Reasonf(lifecycle.StageScan, lifecycle.CodeStopped, "its file is gone")
	case e.entry.Disabled:
		s.State = lifecycle.Stopped
		s.Reason = lifecycle.Reasonf(lifecycle.StageScan, lifecycle.CodeDisabled, "%s", cmp.Or(e.entry.Note, "it is disabled"))
	case e.waits != nil:
		s.State, s.Reason = lifecycle.Failed, e.waits
	case len(e.missing) > 0:
		s.State = lifecycle.Waiting
		s.Reason = lifecycle.Reasonf(lifecycle.StageLaunch, lifecycle.CodeDependencyMissing,
			"it requires %s, which does not run yet; it starts when that runs", strings.Join(e.missing, ", "))
	default:
		s.State = lifecycle.Starting
		s.Reason = lifecycle.Reasonf(lifecycle.StageLaunch, lifecycle.CodeStarting, "it is about to be started")
	}
	return s
}

// retryAfter is the advice to a client whose type is not running just now.
func retryAfter(s supervisor.Status) time.Duration {
	if s.NextTry != nil {
		return max(time.Until(*s.NextTry), time.Second)
	}
	return time.Second
}

// routes are those of the edition that serves, or else of the one that should.
func (e *extension) routes(s status) []*router.Route {
	ed := s.edition
	if ed == nil {
		ed = e.wanted
	}
	if ed == nil || ed.types == nil {
		return nil
	}
	m := ed.entry.Bundle.Manifest()
	routes := make([]*router.Route, 0, len(ed.types.requests))
	for _, t := range ed.types.requests {
		route := &router.Route{
			Type: t.name, Base: ed.types.base, Response: t.response,
			Extension: m.ID, Version: m.Version.String(),
			State: s.State, Restarting: s.Restarting, Handled: t.handled,
			Schema: t.schema, Validator: t.validator, Responses: ed.types.responses,
			Timeout: ed.settings.RequestTimeout, RequestBytes: ed.settings.RequestBytes, ResponseBytes: ed.settings.ResponseBytes,
			Gate: e.gate,
		}
		if s.State == lifecycle.Running || s.Restarting {
			route.Backend = s.instance
		}
		if s.State != lifecycle.Running {
			route.RetryAfter = retryAfter(s.Status)
		}
		routes = append(routes, route)
	}
	return routes
}

// row is what the snapshot says of e. is is what the database says of it.
func (e *extension) row(view deploy.View, s status, is state.Extension, kept []state.Version) Extension {
	ed := s.edition
	if ed == nil {
		ed = e.wanted
	}
	row := Extension{ID: e.id, Signature: noSignature(), Permissions: []string{}, Grants: []Grant{}, Denied: []Grant{}, Versions: []Version{}, Sandbox: []Protection{}}
	if ed != nil {
		b := ed.entry.Bundle
		row = describe(b.Manifest())
		row.Digest, row.File = b.Digest(), cmp.Or(ed.entry.File, is.File)
		if e.entry != nil && e.entry.Bundle.Digest() == row.Digest {
			row.File = e.entry.File // the same bytes may have another name by now
		}
		row.Signature = e.host.signatureOf(b)
	}
	row.State, row.Reason = s.State, s.Reason
	row.PID, row.Started, row.Restarts = s.PID, s.Started, s.Restarts
	row.LastExit, row.NextTry = s.LastExit, s.NextTry
	row.Enabled = e.entry != nil && !e.entry.Disabled
	if s.instance != nil {
		row.Limits = limitsOf(s.instance.Limits())
		row.Sandbox = append(row.Sandbox, s.instance.Protections()...)
	}
	row.Grants, row.Denied = grantsOf(is, row.Permissions)
	row.Consent = e.consent(is)
	row.LogLevel = e.host.logLevel(is, e.id)
	row.Versions = versionsOf(row, is, kept)
	row.Candidate = e.candidate(view, is)
	return row
}

// candidate is the version that has not taken over: one that is being tried, or one
// that failed and is still in the folder.
func (e *extension) candidate(view deploy.View, is state.Extension) *Candidate {
	if ed, ok := view.Candidate.(*edition); ok {
		s := view.Trial.Status()
		return &Candidate{Version: ed.version(), Digest: ed.Digest(), File: ed.entry.File, State: s.State, Reason: s.Reason}
	}
	if e.entry == nil {
		return nil
	}
	passedOver := e.entry.Passed
	if serving, ok := view.Version.(*edition); ok && serving.Digest() != e.wanted.Digest() {
		// It was rejected a moment ago, or is about to be tried.
		passedOver = append(slices.Clone(passedOver), catalog.Passed{File: e.entry.File, Digest: e.wanted.Digest(), Version: e.wanted.version()})
	}
	for _, r := range is.Rejected { // the newest first
		for _, passed := range passedOver {
			if r.Digest != passed.Digest {
				continue
			}
			return &Candidate{
				Version: passed.Version, Digest: passed.Digest, File: passed.File, State: lifecycle.Failed,
				Reason: reasonOf(r),
			}
		}
	}
	return nil
}

// consent is what waits for it: what should run, or else what is passed over.
func (e *extension) consent(is state.Extension) *Consent {
	if e.entry == nil {
		return nil
	}
	if needs := needsOf(is, e.wanted.asks()); e.waits != nil && len(needs) > 0 {
		return &Consent{Version: e.wanted.version(), Digest: e.wanted.Digest(), File: e.entry.File, Needs: needs}
	}
	w := waiting(is, func(digest string) bool {
		return slices.ContainsFunc(e.entry.Passed, func(p catalog.Passed) bool { return p.Digest == digest })
	})
	if w == nil {
		return nil
	}
	return &Consent{Version: w.Version, Digest: w.Digest, File: w.File, Needs: needsOf(is, w.Asks)}
}

// versionsOf lists the kept versions, the current one among them.
func versionsOf(row Extension, is state.Extension, kept []state.Version) []Version {
	versions := []Version{}
	for _, v := range kept {
		versions = append(versions, Version{
			Version: v.Version, Digest: v.Digest, Current: v.Digest == row.Digest, Pinned: v.Digest == is.Pinned,
		})
	}
	current := func(v Version) bool { return v.Current }
	if row.Digest != "" && !slices.ContainsFunc(versions, current) {
		mine := Version{Version: row.Version, Digest: row.Digest, Current: true, Pinned: row.Digest == is.Pinned}
		versions = slices.Insert(versions, 0, mine)
	}
	return versions
}

func limitsOf(l supervisor.Limits) Limits {
	return Limits{
		Memory:    Limit{Value: l.Memory.Value, By: string(l.Memory.By)},
		Processes: Limit{Value: l.Processes.Value, By: string(l.Processes.By)},
		Files:     Limit{Value: l.Files.Value, By: string(l.Files.By)},
		Data:      Limit{Value: l.Data.Value, By: string(l.Data.By)},
	}
}

// rowOf is the row of a file that is not (yet) an extension: its id is its name.
func (h *Host) rowOf(r catalog.Row) Extension {
	row := Extension{Signature: noSignature(), Permissions: []string{}, Grants: []Grant{}, Denied: []Grant{}, Versions: []Version{}, Sandbox: []Protection{}}
	if r.Manifest != nil {
		row = describe(r.Manifest)
	}
	row.ID, row.Claims, row.File = r.File, r.Claims, r.File
	row.State, row.Reason, row.Digest = r.State, r.Reason, r.Digest
	if code := bundle.Code(r.Reason.Code); code.OfSignature() {
		row.Signature.State, row.Signature.Code, row.Signature.Message = bundle.SignatureInvalid, r.Reason.Code, r.Reason.Message
	}
	if r.Bundle != nil {
		row.Signature = h.signatureOf(r.Bundle)
		row.Consent = h.newPublisher(r)
	}
	return row
}

func describe(m *bundle.Manifest) Extension {
	row := Extension{
		ID: m.ID, Name: m.Name, Class: m.Class, Request: m.Request, Response: m.Response,
		Version: m.Version.String(), Signature: noSignature(), Permissions: []string{}, Grants: []Grant{}, Denied: []Grant{}, Versions: []Version{}, Sandbox: []Protection{},
	}
	row.Permissions = append(row.Permissions, m.Permissions...)
	return row
}

// row is a row of the snapshot with the process behind it, nil for none.
type row struct {
	Extension
	extension *extension // nil for a file that is none
	edition   *edition   // what runs of it, or else should; nil for a file
	instance  instance
	atRest    bool // no upgrade of it is under way or about to be
}

// now returns the row with what changes without anybody's doing.
func (r row) now() Extension {
	if r.instance != nil {
		r.ResidentBytes = r.instance.ResidentBytes()
	}
	return r.Extension
}

func compareRows(a, b row) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.File, b.File))
}
