package host

import (
	"context"
	"encoding/json"
	"runtime"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/configuration"
	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// edition is one bundle of an extension, ready to be launched: it implements
// deploy.Version.
type edition struct {
	entry    catalog.Entry
	settings Settings
	types    *typeSet
	config   *configuration.Schema
	trial    *trial            // the configuration that its processes get; nil for the stored one
	fault    *lifecycle.Reason // why it cannot even be launched
	start    func(e *edition, held bool, tries int) *supervisor.Instance
}

var _ deploy.Version = (*edition)(nil)

// instance is what the host needs of a process: a supervised one, or none.
type instance interface {
	deploy.Instance
	router.Backend
	ResidentBytes() int64
	Limits() supervisor.Limits
	Protections() []Protection
	// Of its configuration: see supervisor.Instance.
	TakesConfiguration() bool
	Configured() int64
	Configure(ctx context.Context, to supervisor.Configuration, keep func() error) error
}

func newEdition(entry catalog.Entry, settings Settings, start func(*edition, bool, int) *supervisor.Instance) *edition {
	e := &edition{entry: entry, settings: settings, start: start}
	var err error
	if e.types, err = newTypeSet(entry.Bundle); err != nil {
		e.fault = lifecycle.Reasonf(lifecycle.StageManifest, lifecycle.CodeTypesMismatch, "compiling the declared types: %v", err)
	}
	if e.config, err = configuration.Compile(entry.Bundle.ConfigSchema()); err != nil {
		e.fault = lifecycle.Reasonf(lifecycle.StageManifest, lifecycle.CodeConfigInvalid, "compiling %s: %v", bundle.ConfigSchemaName, err)
		e.config, _ = configuration.Compile(nil) // which has nothing that could be wrong
	}
	return e
}

// Digest is part of deploy.Version.
func (e *edition) Digest() string { return e.entry.Bundle.Digest() }

// Exclusive is part of deploy.Version.
func (e *edition) Exclusive() bool {
	return e.entry.Bundle.Manifest().Upgrade != bundle.UpgradeOverlap
}

// Launch is part of deploy.Version.
func (e *edition) Launch(held bool, tries int) deploy.Instance {
	if e.fault != nil {
		return stillborn{e.fault}
	}
	if e.trial != nil && held {
		tries = trialTries
	}
	return e.start(e, held, tries)
}

func (e *edition) version() string { return e.entry.Bundle.Manifest().Version.String() }

// stillborn is the instance of an edition that cannot be launched.
type stillborn struct{ reason *lifecycle.Reason }

// Status is part of deploy.Instance.
func (s stillborn) Status() supervisor.Status {
	return supervisor.Status{State: lifecycle.Failed, Reason: s.reason}
}

// Activate is part of deploy.Instance.
func (s stillborn) Activate() {}

// Retry is part of deploy.Instance: the same bytes would fail again.
func (s stillborn) Retry() {}

// Stop is part of deploy.Instance.
func (s stillborn) Stop(context.Context) {}

// TakesConfiguration is part of instance.
func (s stillborn) TakesConfiguration() bool { return false }

// Configured is part of instance.
func (s stillborn) Configured() int64 { return -1 }

// Configure is part of instance.
func (s stillborn) Configure(context.Context, supervisor.Configuration, func() error) error {
	return supervisor.ErrNoProcess
}

// ResidentBytes is part of instance.
func (s stillborn) ResidentBytes() int64 { return 0 }

// Limits is part of instance.
func (s stillborn) Limits() supervisor.Limits { return supervisor.Limits{} }

// Protections is part of instance.
func (s stillborn) Protections() []Protection { return nil }

// Process is part of router.Backend. No route has it: it never runs.
func (s stillborn) Process(context.Context, *sdk.Request) (*sdk.Response, error) {
	return nil, sdk.Errorf(sdk.Unavailable, "%s", s.reason.Message)
}

// typeSet is what a bundle declares, compiled once for its edition.
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

// spec is what the supervisor needs to run e.
func (h *Host) spec(e *edition, held bool, tries int) supervisor.Spec {
	b := e.entry.Bundle
	m := b.Manifest()
	// The catalog desires only what has an executable for this platform; without its
	// hash the zero hash would match nothing, and nothing would run.
	name, _ := b.Executable(runtime.GOOS, runtime.GOARCH)
	sum, _ := b.EntrySHA256(name)
	is, _ := h.state.Extension(m.ID)
	return supervisor.Spec{
		ID: m.ID, Name: m.Name, Class: m.Class, Version: m.Version.String(), Digest: b.Digest(),
		Manifest: m.Attributes, Types: b.Types(), HasTypes: b.HasTypes(),
		Executable: e.entry.Executable, ExecutableSHA256: sum,
		BundleDir: e.entry.Tree, DataDir: h.home.Data(m.ID), LogFile: h.home.ExtensionLog(m.ID), RunDir: h.home.Run(),
		Asked: m.Permissions, Granted: granted(is, m.Permissions), Settings: e.settings.Settings, LogLevel: h.levelOf(m.ID),
		Held: held, Tries: tries,
		Configuration: func() (supervisor.Configuration, *lifecycle.Reason) { return h.configurationFor(e) },
		Failed:        func(f supervisor.Failure) { h.journal.failed(e, f) },
	}
}
