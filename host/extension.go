package host

import (
	"cmp"
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// instance is what the reconciler needs of a supervised process.
type instance interface {
	router.Backend
	Status() supervisor.Status
	ResidentBytes() int64
	Stop(ctx context.Context)
}

// typeSet is what a bundle declares, compiled once when its extension starts.
type typeSet struct {
	base      string // extension_request
	requests  []requestType
	responses *router.Family
}

type requestType struct {
	name, response string
	handled        bool
	schema         json.RawMessage
	validator      *schema.Schema
}

// newTypeSet compiles the schemas that b declares. The base type is requested only
// if b declares it or declares nothing at all: else it has no handler.
func newTypeSet(b *bundle.Verified) (*typeSet, error) {
	m := b.Manifest()
	set := &typeSet{base: m.Request}
	responses := map[string]*schema.Schema{m.Response: nil}
	base := requestType{name: m.Request, response: m.Response, handled: !b.HasTypes()}
	for _, t := range b.Types() {
		compiled, err := compile(t.Schema)
		if err != nil {
			return nil, err
		}
		if t.Role == sdk.RoleResponse {
			responses[t.Name] = compiled
			continue
		}
		r := requestType{name: t.Name, response: t.Response, handled: true, schema: t.Schema, validator: compiled}
		if r.response == "" {
			r.response = m.Response
		}
		if t.Name == m.Request {
			base = r
			continue
		}
		set.requests = append(set.requests, r)
	}
	set.requests = append(set.requests, base)
	set.responses = router.NewFamily(m.Response, responses)
	return set, nil
}

func compile(raw json.RawMessage) (*schema.Schema, error) {
	if raw == nil {
		return nil, nil
	}
	return schema.Compile(raw)
}

func (e *extension) id() string { return e.entry.ID() }

// status is the process's status, or the reason why there is no process.
func (e *extension) status() supervisor.Status {
	if e.instance == nil {
		return supervisor.Status{State: lifecycle.Failed, Reason: e.fault}
	}
	return e.instance.Status()
}

// retryAfter is the advice to a client whose type is not running just now.
func retryAfter(s supervisor.Status) time.Duration {
	if s.NextTry != nil {
		return max(time.Until(*s.NextTry), time.Second)
	}
	return time.Second
}

func (e *extension) routes(status supervisor.Status) []*router.Route {
	m := e.entry.Bundle.Manifest()
	routes := make([]*router.Route, 0, len(e.types.requests))
	for _, t := range e.types.requests {
		route := &router.Route{
			Type: t.name, Base: e.types.base, Response: t.response,
			Extension: m.ID, Version: m.Version.String(),
			State: status.State, Restarting: status.Restarting, Handled: t.handled,
			Schema: t.schema, Validator: t.validator, Responses: e.types.responses,
			Timeout: e.settings.RequestTimeout, RequestBytes: e.settings.RequestBytes, ResponseBytes: e.settings.ResponseBytes,
			Gate: e.gate,
		}
		if status.State == lifecycle.Running || status.Restarting {
			route.Backend = e.instance
		}
		if status.State != lifecycle.Running {
			route.RetryAfter = retryAfter(status)
		}
		routes = append(routes, route)
	}
	return routes
}

// spec is what the supervisor needs to run e.
func (h *Host) spec(e *extension) supervisor.Spec {
	b := e.entry.Bundle
	m := b.Manifest()
	// The catalog desires only what has an executable for this platform; without its
	// hash the zero hash would match nothing, and nothing would run.
	name, _ := b.Executable(runtime.GOOS, runtime.GOARCH)
	sum, _ := b.EntrySHA256(name)
	return supervisor.Spec{
		ID: m.ID, Name: m.Name, Class: m.Class, Version: m.Version.String(), Digest: b.Digest(),
		Manifest: m.Attributes, Types: b.Types(), HasTypes: b.HasTypes(),
		Executable: e.entry.Executable, ExecutableSHA256: sum,
		BundleDir: e.entry.Tree, DataDir: h.home.Data(m.ID), LogFile: h.home.ExtensionLog(m.ID), RunDir: h.home.Run(),
		Permissions: m.Permissions, Settings: e.settings,
	}
}

func (e *extension) row(s supervisor.Status) Extension {
	b := e.entry.Bundle
	row := describe(b.Manifest())
	row.State, row.Reason = s.State, s.Reason
	row.PID, row.Started, row.Restarts = s.PID, s.Started, s.Restarts
	row.LastExit, row.NextTry = s.LastExit, s.NextTry
	row.Digest, row.File = b.Digest(), e.entry.File
	row.Signature = Signature{State: b.Signature().State, Signer: b.Signature().Signer}
	row.Versions = []Version{{Version: row.Version, Digest: row.Digest, Current: true}}
	return row
}

// rowOf is the row of a file that is not (yet) an extension: its id is its name.
func rowOf(r catalog.Row) Extension {
	row := Extension{Permissions: []string{}, Versions: []Version{}}
	if r.Manifest != nil {
		row = describe(r.Manifest)
	}
	row.ID, row.Claims, row.File = r.File, r.Claims, r.File
	row.State, row.Reason, row.Digest = r.State, r.Reason, r.Digest
	return row
}

func describe(m *bundle.Manifest) Extension {
	row := Extension{
		ID: m.ID, Name: m.Name, Class: m.Class, Request: m.Request, Response: m.Response,
		Version: m.Version.String(), Permissions: []string{}, Versions: []Version{},
	}
	row.Permissions = append(row.Permissions, m.Permissions...)
	return row
}

// row is a row of the snapshot with the extension behind it, nil for a file that is
// none.
type row struct {
	Extension
	extension *extension
}

// now returns the row with what changes without anybody's doing.
func (r row) now() Extension {
	if r.extension != nil && r.extension.instance != nil {
		r.ResidentBytes = r.extension.instance.ResidentBytes()
	}
	return r.Extension
}

func compareRows(a, b row) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.File, b.File))
}
