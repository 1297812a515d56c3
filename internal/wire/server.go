package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// maxStack bounds the stack of a panic in the log.
const maxStack = 16 << 10

// server is the child half: it takes calls off the wire and makes them on an
// Extension.
type server struct {
	extensionv1.UnimplementedExtensionServer
	ext   Extension
	log   *slog.Logger
	first func() // runs once, before the first call
	once  sync.Once
	lane  uint32 // the version that is served, 0 for none

	services *service.Client
	levels   LevelSetter // nil when the extension's log has one level for ever
}

func newServer(ext Extension, log *slog.Logger, first func()) *server {
	ext = WithDialer(ext, nil) // unless it has one already
	return &server{ext: ext, log: log, first: first, services: service.NewClient(serviceErrors()), levels: levelSetterOf(ext)}
}

func (s *server) begin() {
	if s.first != nil {
		s.once.Do(s.first)
	}
}

// admin makes one call whose errors are read by an administrator: the full text
// travels.
func (s *server) admin(ctx context.Context, call string, do func() error) *extensionv1.Error {
	s.begin()
	err := s.guard(ctx, call, do)
	if err == nil {
		return nil
	}
	var e *sdk.Error
	if !errors.As(err, &e) {
		e = &sdk.Error{Code: codeOf(ctx, err)}
	} else if e == nil {
		err, e = errNilError, &sdk.Error{Code: sdk.Internal}
	}
	out := errorTo(e)
	out.Message = bounded(textOf(err, e), maxMessage)
	return out
}

// textOf is the text of err for an administrator. The code of a bare *sdk.Error
// travels in its own field.
func textOf(err error, e *sdk.Error) string {
	if err == error(e) {
		return e.Message
	}
	return err.Error()
}

// errNilError is a favourite slip with Go's interfaces, said in words.
var errNilError = errors.New("a nil *sdk.Error was returned as an error; return a plain nil")

// guard turns a panic of do into an error, with the stack in the log.
func (s *server) guard(ctx context.Context, call string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(ctx, call, r)
			err = sdk.Errorf(sdk.ExtensionFault, "panic in %s: %v", call, r)
		}
	}()
	return do()
}

func (s *server) logPanic(ctx context.Context, call string, r any, attrs ...any) {
	stack := debug.Stack()
	if len(stack) > maxStack {
		stack = stack[:maxStack]
	}
	attrs = append(attrs, "call", call, "panic", fmt.Sprint(r), "stack", string(stack))
	s.log.ErrorContext(ctx, "panic: the process lives on", attrs...)
}

// codeOf is the code of an error that is no *sdk.Error.
func codeOf(ctx context.Context, err error) sdk.Code {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return sdk.DeadlineExceeded
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return sdk.Canceled
	default:
		return sdk.Internal
	}
}

func (s *server) Describe(ctx context.Context, in *extensionv1.DescribeRequest) (*extensionv1.DescribeResponse, error) {
	out := &extensionv1.DescribeResponse{}
	out.Error = s.admin(ctx, "Describe", func() error {
		types, can, err := s.ext.Describe(ctx, in.GetManifest())
		if err != nil {
			return err
		}
		for _, t := range types {
			out.Types = append(out.Types, &extensionv1.Type{
				Name: t.Name, Role: string(t.Role), Extends: t.Extends, Response: t.Response, Schema: t.Schema,
			})
		}
		out.Capabilities = &extensionv1.Capabilities{
			Activate: can.Activate, Configure: can.Configure, Check: can.Check,
			ProjectParameters: can.ProjectParameters, Collect: can.Collect, Destroy: can.Destroy, Lane: s.lane, Services: true,
		}
		return nil
	})
	return out, nil
}

func (s *server) Init(ctx context.Context, in *extensionv1.InitRequest) (*extensionv1.InitResponse, error) {
	s.services.Offer(in.GetMaxAsk())
	return &extensionv1.InitResponse{Error: s.admin(ctx, "Init", func() error {
		return s.ext.Init(ctx, InitArgs{
			Config: jsonOrNil(in.GetConfig()), DataDir: in.GetDataDir(), BundleDir: in.GetBundleDir(),
			LogLevel: slog.Level(in.GetLogLevel()), KeyValue: s.services, Call: s.services.Call,
		})
	})}, nil
}

func (s *server) Activate(ctx context.Context, _ *extensionv1.ActivateRequest) (*extensionv1.ActivateResponse, error) {
	return &extensionv1.ActivateResponse{Error: s.admin(ctx, "Activate", func() error {
		return s.ext.Activate(ctx)
	})}, nil
}

func (s *server) Configure(ctx context.Context, in *extensionv1.ConfigureRequest) (*extensionv1.ConfigureResponse, error) {
	return &extensionv1.ConfigureResponse{Error: s.admin(ctx, "Configure", func() error {
		return s.ext.Configure(ctx, jsonOrNil(in.GetConfig()))
	})}, nil
}

func (s *server) Check(ctx context.Context, in *extensionv1.CheckRequest) (*extensionv1.CheckResponse, error) {
	if in.LogLevel != nil && s.levels != nil {
		s.levels.SetLogLevel(slog.Level(in.GetLogLevel()))
	}
	return &extensionv1.CheckResponse{Error: s.admin(ctx, "Check", func() error {
		return s.ext.Check(ctx)
	})}, nil
}

func (s *server) ProjectParameters(ctx context.Context, in *extensionv1.ProjectParametersRequest) (*extensionv1.ProjectParametersResponse, error) {
	out := &extensionv1.ProjectParametersResponse{}
	out.Error = s.admin(ctx, "ProjectParameters", func() (err error) {
		out.Parameters, err = s.ext.ProjectParameters(ctx, in.GetProject(), in.GetLocale())
		return err
	})
	return out, nil
}

func (s *server) Collect(ctx context.Context, _ *extensionv1.CollectRequest) (*extensionv1.CollectResponse, error) {
	out := &extensionv1.CollectResponse{}
	out.Error = s.admin(ctx, "Collect", func() (err error) {
		out.Text, err = s.ext.Collect(ctx)
		return err
	})
	return out, nil
}

func (s *server) Destroy(ctx context.Context, _ *extensionv1.DestroyRequest) (*extensionv1.DestroyResponse, error) {
	return &extensionv1.DestroyResponse{Error: s.admin(ctx, "Destroy", func() error {
		return s.ext.Destroy(ctx)
	})}, nil
}

// Process answers a request that came over the control connection.
func (s *server) Process(ctx context.Context, in *extensionv1.ProcessRequest) (*extensionv1.ProcessResponse, error) {
	req := &sdk.Request{
		ID: in.Id, Type: in.Type, MediaType: in.MediaType, Payload: in.Payload,
		Trace: sdk.Trace{Parent: in.Traceparent, State: in.Tracestate}, Ticket: in.Ticket,
	}
	if c := in.Caller; c != nil {
		req.Caller = sdk.Caller{Subject: c.Subject, Roles: c.Roles, Session: c.Session, Extension: c.Extension}
	}
	resp, fault := s.process(ctx, req)
	if fault != nil {
		return &extensionv1.ProcessResponse{Error: fault}, nil
	}
	if resp == nil {
		return &extensionv1.ProcessResponse{}, nil
	}
	// gRPC reads the payload when this has returned: it is never given back.
	return &extensionv1.ProcessResponse{
		Type: bounded(resp.Type, maxMessage), MediaType: bounded(resp.MediaType, maxMessage), Payload: resp.Payload,
	}, nil
}

// onLane is Process for the lane.
func (s *server) onLane(ctx context.Context, req *sdk.Request) (*sdk.Response, []byte) {
	resp, fault := s.process(ctx, req)
	if fault != nil {
		payload, err := proto.Marshal(fault)
		if err != nil { // its strings are UTF-8 and its numbers numbers
			payload = nil
		}
		return nil, append([]byte{}, payload...)
	}
	if resp != nil && len(resp.Type)+len(resp.MediaType) > maxMessage {
		clipped := *resp
		clipped.Type, clipped.MediaType = bounded(resp.Type, maxMessage), bounded(resp.MediaType, maxMessage)
		return &clipped, nil
	}
	return resp, nil
}

// process has the extension answer one request. It is on the path of every request.
func (s *server) process(ctx context.Context, req *sdk.Request) (resp *sdk.Response, fault *extensionv1.Error) {
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(ctx, "Process", r, "request_id", req.ID, traced(req), "type", req.Type)
			resp, fault = nil, errorTo(sdk.Errorf(sdk.ExtensionFault, "the extension panicked"))
		}
	}()
	s.begin()
	resp, err := s.ext.Process(ctx, req)
	if err != nil {
		resp.Free()
		return nil, s.requestError(ctx, req, err)
	}
	return resp, nil
}

// requestError says what a client may read of err.
func (s *server) requestError(ctx context.Context, req *sdk.Request, err error) *extensionv1.Error {
	var e *sdk.Error
	if errors.As(err, &e) {
		if e != nil {
			return errorTo(e)
		}
		err = errNilError
	}
	switch code := codeOf(ctx, err); code {
	case sdk.DeadlineExceeded:
		return errorTo(sdk.Errorf(code, "the extension ran out of time"))
	case sdk.Canceled:
		return errorTo(sdk.Errorf(code, "the request was canceled"))
	default:
		s.log.ErrorContext(ctx, "request failed", "request_id", req.ID, traced(req), "type", req.Type, "error", err)
		return errorTo(sdk.Errorf(sdk.Internal, "the extension failed to answer; the cause is in its log"))
	}
}

// traced is the trace of a request for its lines in the log; nothing without one.
func traced(req *sdk.Request) slog.Attr {
	if id := req.Trace.ID(); id != "" {
		return slog.String("trace_id", id)
	}
	return slog.Attr{}
}

func jsonOrNil(data []byte) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	return data
}
