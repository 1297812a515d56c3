package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

// Bind makes of ext what the wire serves. Its error says what is wrong with the set
// of handlers. Log and level become the extension's; Init sets the level, and so does
// each Check by which the host changes it.
func Bind(ext sdk.Extension, log *slog.Logger, level *slog.LevelVar) (wire.Extension, error) {
	b := &binding{ext: ext, log: log, level: level}
	var err error
	if b.handlers, err = handlersOf(ext); err != nil {
		return nil, err
	}
	b.typed = make(map[string]sdk.Handler, len(b.handlers))
	for _, h := range b.handlers {
		if h.RequestType() == "" {
			b.raw, b.hasRaw = h, true
		} else {
			b.typed[h.RequestType()] = h
		}
	}
	return b, nil
}

// handlersOf asks for the handlers, once, and checks them.
func handlersOf(ext sdk.Extension) ([]sdk.Handler, error) {
	if ext == nil {
		return nil, errors.New("extension: serve.Main got nil")
	}
	handlers := ext.Handlers()
	seen := make(map[string]bool, len(handlers))
	raw := 0
	for _, h := range handlers {
		request, response := h.RequestType(), h.ResponseType()
		if req, _ := h.GoTypes(); request == "" && response == "" && req == nil {
			if raw++; raw > 1 {
				return nil, errors.New("extension: more than one raw handler; it takes every type that no other handler takes, so one is enough")
			}
			continue
		}
		for _, name := range []string{request, response} {
			if !wire.ValidTypeName(name) {
				return nil, fmt.Errorf("extension: %q is not a type name: dotted parts of letters, digits, _ and $, at most 190 characters, as in org.example.my.Request", name)
			}
		}
		if seen[request] {
			return nil, fmt.Errorf("extension: two handlers for %s", request)
		}
		seen[request] = true
	}
	return handlers, nil
}

// binding is an sdk.Extension as the wire sees it.
type binding struct {
	ext      sdk.Extension
	log      *slog.Logger
	level    *slog.LevelVar
	handlers []sdk.Handler
	typed    map[string]sdk.Handler // by request type, not changed after Bind
	raw      sdk.Handler
	hasRaw   bool
	manifest atomic.Pointer[map[string]string] // set by Describe
}

// attribute returns an attribute of the manifest, "" before Describe.
func (b *binding) attribute(name string) string {
	if m := b.manifest.Load(); m != nil {
		return (*m)[name]
	}
	return ""
}

func (b *binding) Describe(_ context.Context, manifest map[string]string) ([]sdk.Type, wire.Capabilities, error) {
	types, err := typesOf(b.handlers, manifest)
	if err != nil {
		return nil, wire.Capabilities{}, err
	}
	b.manifest.Store(&manifest)
	var can wire.Capabilities
	_, can.Activate = b.ext.(sdk.Activator)
	_, can.Configure = b.ext.(sdk.Configurer)
	_, can.Check = b.ext.(sdk.Checker)
	_, can.ProjectParameters = b.ext.(sdk.ParametersProvider)
	_, can.Collect = b.ext.(sdk.Collector)
	_, can.Destroy = b.ext.(sdk.Destroyer)
	return types, can, nil
}

func (b *binding) Init(ctx context.Context, args wire.InitArgs) error {
	manifest := b.manifest.Load()
	if manifest == nil {
		return errors.New("the host called Init before Describe")
	}
	b.level.Set(args.LogLevel)
	ext, ok := b.ext.(sdk.Initializer)
	if !ok {
		return nil
	}
	return ext.Init(ctx, sdk.Setup{
		Manifest: *manifest, Config: args.Config, DataDir: args.DataDir, BundleDir: args.BundleDir, Log: b.log,
		DialContext: args.DialContext, KeyValue: args.KeyValue, Call: args.Call,
	})
}

// SetLogLevel is part of wire.LevelSetter.
func (b *binding) SetLogLevel(level slog.Level) { b.level.Set(level) }

func (b *binding) Activate(ctx context.Context) error {
	if ext, ok := b.ext.(sdk.Activator); ok {
		return ext.Activate(ctx)
	}
	return nil
}

func (b *binding) Check(ctx context.Context) error {
	if ext, ok := b.ext.(sdk.Checker); ok {
		return ext.Check(ctx)
	}
	return nil
}

func (b *binding) Configure(ctx context.Context, config json.RawMessage) error {
	if ext, ok := b.ext.(sdk.Configurer); ok {
		return ext.Configure(ctx, config)
	}
	return sdk.Errorf(sdk.Unimplemented, "the extension takes a new configuration only by a restart")
}

func (b *binding) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	if h, ok := b.typed[req.Type]; ok {
		return h.Serve(ctx, req)
	}
	if !b.hasRaw {
		if req.Type == b.attribute("extension_request") {
			return nil, sdk.Errorf(sdk.Unimplemented, "%s is the extension's base type and has no handler; send a type derived from it", req.Type)
		}
		return nil, sdk.Errorf(sdk.UnknownType, "the extension has no handler for %s", req.Type)
	}
	resp, err := b.raw.Serve(ctx, req)
	if err != nil {
		return nil, err
	}
	if resp == nil {
		resp = new(sdk.Response)
	}
	if resp.Type == "" || resp.MediaType == "" {
		filled := *resp // the handler may use its Response more than once
		if filled.Type == "" {
			filled.Type = b.attribute("extension_response")
		}
		if filled.MediaType == "" {
			filled.MediaType = "application/octet-stream"
		}
		resp = &filled
	}
	return resp, nil
}

func (b *binding) ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error) {
	ext, ok := b.ext.(sdk.ParametersProvider)
	if !ok {
		return nil, sdk.Errorf(sdk.Unimplemented, "the extension has no project parameters")
	}
	parameters, err := ext.ProjectParameters(ctx, project, locale)
	if err != nil || parameters == nil {
		return nil, err
	}
	return json.Marshal(parameters)
}

func (b *binding) Collect(ctx context.Context) ([]byte, error) {
	if ext, ok := b.ext.(sdk.Collector); ok {
		return ext.Collect(ctx)
	}
	return nil, sdk.Errorf(sdk.Unimplemented, "the extension has no metrics of its own")
}

func (b *binding) Destroy(ctx context.Context) error {
	if ext, ok := b.ext.(sdk.Destroyer); ok {
		return ext.Destroy(ctx)
	}
	return nil
}
