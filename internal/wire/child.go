package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/internal/wire/lane"
	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// Child is a running extension as the host sees it. Its methods may be called by many
// goroutines at once, Describe and Close by one at a time; every call ends with its
// context.
type Child struct {
	client  extensionv1.ExtensionClient
	max     int
	offered *Lanes                      // to the process, until Describe
	lane    atomic.Pointer[lane.Client] // nil when the extension does not serve it
	cut     context.Context             // ends with CutOff, for requests over control
	cutOff  context.CancelFunc
	level   slog.Leveler    // that each Check tells, nil for none
	offer   *service.Config // what the extension may ask, nil for nothing
	serving *services       // of the offer, once the extension takes it
}

var _ Extension = (*Child)(nil)

func newChild(conn grpc.ClientConnInterface, maxMessageBytes int) *Child {
	c := &Child{client: extensionv1.NewExtensionClient(conn), max: maxMessageBytes}
	c.cut, c.cutOff = context.WithCancel(context.Background())
	return c
}

// Describe sends the manifest and returns what the extension declares. The schemas
// are JSON texts as the child sent them and not yet judged.
func (c *Child) Describe(ctx context.Context, manifest map[string]string) ([]sdk.Type, Capabilities, error) {
	in := &extensionv1.DescribeRequest{Manifest: manifest}
	out, err := c.client.Describe(ctx, in, grpc.MaxCallRecvMsgSize(maxTypesBytes+overhead))
	if err := answeredAdmin(ctx, err, out.GetError()); err != nil {
		return nil, Capabilities{}, err
	}
	types, err := typesFrom(out.GetTypes())
	if err != nil {
		return nil, Capabilities{}, err
	}
	can := out.GetCapabilities()
	if err := c.takeLane(can.GetLane()); err != nil {
		return nil, Capabilities{}, err
	}
	if can.GetServices() {
		if err := c.openServices(); err != nil {
			return nil, Capabilities{}, err
		}
	}
	return types, Capabilities{
		Activate:          can.GetActivate(),
		Configure:         can.GetConfigure(),
		Check:             can.GetCheck(),
		ProjectParameters: can.GetProjectParameters(),
		Collect:           can.GetCollect(),
		Destroy:           can.GetDestroy(),
	}, nil
}

// takeLane begins to use the lanes, if the extension serves their version.
func (c *Child) takeLane(version uint32) error {
	lanes := c.offered
	if lanes == nil {
		return nil
	}
	c.offered = nil
	lanes.closeDial() // nobody serves it, when it was not handed over by now
	if version != lane.Version {
		lanes.Close()
		return nil
	}
	client, err := lane.NewClient(lanes.Host, lane.Config{
		InFlight: lanes.InFlight, MaxPayload: c.max, Fault: faultFrom,
	})
	if err != nil {
		lanes.Close()
		return sdk.Errorf(sdk.Internal, "using the lane: %v", err)
	}
	c.lane.Store(client)
	return nil
}

// Lost is closed when the extension has closed the lane or broken its format, which
// LostBecause tells: the process is gone, or of no use any more. It is nil, and says
// nothing, before Describe and for an extension that does not serve the lane.
func (c *Child) Lost() <-chan struct{} {
	if l := c.lane.Load(); l != nil {
		return l.Done()
	}
	return nil
}

// LostBecause says how the extension broke the lane's format, "" when it did not.
func (c *Child) LostBecause() string {
	var format *lane.FormatError
	if l := c.lane.Load(); l != nil && errors.As(l.Err(), &format) {
		return format.Error()
	}
	return ""
}

// OnLane reports whether requests travel on the lane.
func (c *Child) OnLane() bool { return c.lane.Load() != nil }

// CutOff gives up the requests that are in flight: they are answered unavailable, and
// their handlers are canceled. It is called once.
func (c *Child) CutOff() {
	c.cutOff()
	if l := c.lane.Load(); l != nil {
		l.CutOff(errCut())
	}
}

// uncut returns ctx, which CutOff ends too.
func (c *Child) uncut(ctx context.Context) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancel(ctx)
	forget := context.AfterFunc(c.cut, cancel)
	return inner, func() { forget(); cancel() }
}

// wasCut reports whether it was CutOff that ended inner. What ends first counts: a
// deadline of ctx that passes after the cut changes nothing.
func (c *Child) wasCut(ctx, inner context.Context) bool {
	return c.cut.Err() != nil && (ctx.Err() == nil || inner.Err() != ctx.Err())
}

func errCut() *sdk.Error {
	return sdk.Errorf(sdk.Unavailable, "the extension was stopped before it had answered")
}

// Close ends the lane and the services, and waits for these. Requests that are out fail.
// The control connection is go-plugin's to close.
func (c *Child) Close() {
	if c.offered != nil {
		c.offered.Close()
		c.offered = nil
	}
	if l := c.lane.Load(); l != nil {
		l.Close()
	}
	if c.serving != nil {
		c.serving.close()
	}
}

// Init prepares the extension. An error's message is for the administrator.
func (c *Child) Init(ctx context.Context, args InitArgs) error {
	in := &extensionv1.InitRequest{
		Config: args.Config, DataDir: args.DataDir, BundleDir: args.BundleDir, LogLevel: int32(args.LogLevel),
	}
	if c.serving != nil {
		in.MaxAsk = uint64(c.maxAsk())
	}
	out, err := c.client.Init(ctx, in)
	return answeredAdmin(ctx, err, out.GetError())
}

// Activate allows the extension to write its data folder.
func (c *Child) Activate(ctx context.Context) error {
	out, err := c.client.Activate(ctx, &extensionv1.ActivateRequest{})
	return answeredAdmin(ctx, err, out.GetError())
}

// KeepLevel makes each Check tell the extension the lowest level that its log keeps, so
// that a change reaches it with the next one. It is called before the first.
func (c *Child) KeepLevel(level slog.Leveler) { c.level = level }

// Check asks for health; nil means healthy.
func (c *Child) Check(ctx context.Context) error {
	in := &extensionv1.CheckRequest{}
	if c.level != nil {
		in.LogLevel = proto.Int32(int32(c.level.Level()))
	}
	out, err := c.client.Check(ctx, in)
	return answeredAdmin(ctx, err, out.GetError())
}

// Configure gives a new configuration; on an error the old one still holds.
func (c *Child) Configure(ctx context.Context, config json.RawMessage) error {
	out, err := c.client.Configure(ctx, &extensionv1.ConfigureRequest{Config: config})
	return answeredAdmin(ctx, err, out.GetError())
}

// Process has one request answered. Every error is an *sdk.Error: unavailable when
// the connection was lost (whether the request was executed is then unknown),
// canceled or deadline_exceeded when ctx ended, too_large when the request is over
// the limit, extension_fault when the answer makes no sense or is over the limit,
// and whatever the extension itself says.
func (c *Child) Process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	if len(req.Payload) > c.max {
		return nil, sdk.Errorf(sdk.TooLarge, "the request has %d bytes, the limit is %d", len(req.Payload), c.max)
	}
	if !utf8.ValidString(req.ID) || !utf8.ValidString(req.Type) || !utf8.ValidString(req.MediaType) {
		return nil, sdk.Errorf(sdk.InvalidArgument, "the request's id, type or media type is not UTF-8")
	}
	if l := c.lane.Load(); l != nil {
		resp, err := l.Process(ctx, req)
		if err != nil {
			return nil, err
		}
		return c.checked(resp)
	}
	in := &extensionv1.ProcessRequest{
		Id: req.ID, Type: req.Type, MediaType: req.MediaType, Payload: req.Payload, Ticket: req.Ticket,
	}
	if req.Trace != (sdk.Trace{}) {
		in.Traceparent, in.Tracestate = req.Trace.Parent, req.Trace.State
	}
	if c := req.Caller; c.Subject != "" || c.Session != "" || c.Extension != "" || len(c.Roles) > 0 {
		in.Caller = &extensionv1.Caller{Subject: c.Subject, Roles: c.Roles, Session: c.Session, Extension: c.Extension}
	}
	inner, cancel := c.uncut(ctx)
	defer cancel()
	out, err := c.client.Process(inner, in)
	if err != nil && c.wasCut(ctx, inner) {
		return nil, errCut()
	}
	if err := answered(ctx, err, out.GetError()); err != nil {
		return nil, err
	}
	return c.checked(&sdk.Response{Type: out.Type, MediaType: out.MediaType, Payload: out.Payload})
}

// checked returns resp as the host may use it, or why it may not.
func (c *Child) checked(resp *sdk.Response) (*sdk.Response, error) {
	var fault *sdk.Error
	switch {
	case len(resp.Payload) > c.max:
		fault = sdk.Errorf(sdk.ExtensionFault, "the extension's response has %d bytes, the limit is %d", len(resp.Payload), c.max)
	case !typeName(resp.Type) && resp.Type != "":
		fault = sdk.Errorf(sdk.ExtensionFault, "the extension's response names no valid type")
	case resp.MediaType == "":
		resp.MediaType = "application/octet-stream"
	case !headerValue(resp.MediaType):
		fault = sdk.Errorf(sdk.ExtensionFault, "the extension's response has no valid media type")
	}
	if fault != nil {
		resp.Free()
		return nil, fault
	}
	return resp, nil
}

// ProjectParameters returns one JSON value, nil for null.
func (c *Child) ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error) {
	if !utf8.ValidString(project) || !utf8.ValidString(locale) {
		return nil, sdk.Errorf(sdk.InvalidArgument, "project or locale is not UTF-8")
	}
	in := &extensionv1.ProjectParametersRequest{Project: project, Locale: locale}
	inner, cancel := c.uncut(ctx)
	defer cancel()
	out, err := c.client.ProjectParameters(inner, in)
	if err != nil && c.wasCut(ctx, inner) {
		return nil, errCut()
	}
	if err := answered(ctx, err, out.GetError()); err != nil {
		return nil, err
	}
	if len(out.Parameters) == 0 {
		return nil, nil
	}
	if len(out.Parameters) > c.max || !json.Valid(out.Parameters) {
		return nil, sdk.Errorf(sdk.ExtensionFault, "the extension's project parameters are not one JSON value of at most %d bytes", c.max)
	}
	return out.Parameters, nil
}

// Collect returns the extension's own metrics as text of at most MaxMetricsBytes, not yet
// read. An error is an *sdk.Error, too_large when there are more bytes.
func (c *Child) Collect(ctx context.Context) ([]byte, error) {
	inner, cancel := c.uncut(ctx)
	defer cancel()
	out, err := c.client.Collect(inner, &extensionv1.CollectRequest{}, grpc.MaxCallRecvMsgSize(MaxMetricsBytes+overhead))
	switch {
	case err != nil && c.wasCut(ctx, inner):
		return nil, errCut()
	case status.Code(err) == codes.ResourceExhausted, len(out.GetText()) > MaxMetricsBytes:
		return nil, sdk.Errorf(sdk.TooLarge, "the extension's metrics have more than %d bytes", MaxMetricsBytes)
	}
	if err := answeredAdmin(ctx, err, out.GetError()); err != nil {
		return nil, err
	}
	return out.GetText(), nil
}

// Destroy closes the extension. The process is expected to end soon afterwards, and
// may end before its answer arrives: that is no error.
func (c *Child) Destroy(ctx context.Context) error {
	out, err := c.client.Destroy(ctx, &extensionv1.DestroyRequest{})
	if err := answeredAdmin(ctx, err, out.GetError()); sdk.CodeOf(err) != sdk.Unavailable || out.GetError() != nil {
		return err
	}
	return nil
}

// typesFrom takes what a child declares, within bounds.
func typesFrom(in []*extensionv1.Type) ([]sdk.Type, error) {
	if len(in) > maxTypes {
		return nil, sdk.Errorf(sdk.ExtensionFault, "the extension declares %d types, the limit is %d", len(in), maxTypes)
	}
	types := make([]sdk.Type, 0, len(in))
	size := 0
	for _, t := range in {
		size += len(t.GetName()) + len(t.GetRole()) + len(t.GetExtends()) + len(t.GetResponse()) + len(t.GetSchema())
		if size > maxTypesBytes {
			return nil, sdk.Errorf(sdk.ExtensionFault, "the extension's types have more than %d bytes", maxTypesBytes)
		}
		role := sdk.Role(t.GetRole())
		switch {
		case !typeName(t.GetName()):
			return nil, sdk.Errorf(sdk.ExtensionFault, "the extension declares a type without a valid name: %s", quoted(t.GetName()))
		case role != sdk.RoleRequest && role != sdk.RoleResponse:
			return nil, sdk.Errorf(sdk.ExtensionFault, "type %s has no valid role: %s", t.GetName(), quoted(t.GetRole()))
		case t.GetExtends() != "" && !typeName(t.GetExtends()):
			return nil, sdk.Errorf(sdk.ExtensionFault, "type %s extends no valid name: %s", t.GetName(), quoted(t.GetExtends()))
		case t.GetResponse() != "" && !typeName(t.GetResponse()):
			return nil, sdk.Errorf(sdk.ExtensionFault, "type %s has no valid response: %s", t.GetName(), quoted(t.GetResponse()))
		case len(t.GetSchema()) > 0 && !json.Valid(t.GetSchema()):
			return nil, sdk.Errorf(sdk.ExtensionFault, "the schema of type %s is not JSON", t.GetName())
		}
		declared := sdk.Type{Name: t.GetName(), Role: role, Extends: t.GetExtends(), Response: t.GetResponse()}
		if len(t.GetSchema()) > 0 {
			declared.Schema = t.GetSchema()
		}
		types = append(types, declared)
	}
	return types, nil
}

// quoted shows a hostile text in a message.
func quoted(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return fmt.Sprintf("%q", s)
}
