package main

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
)

// The stock planes: go-plugin as its documentation shows it, gRPC with a protobuf
// message and net/rpc with a gob, over its unix socket and without TLS.

// message is what travels: as a gob, and between the parts of a host made by hand.
type message struct {
	Type, MediaType string
	Payload         []byte
}

// backend has one request answered.
type backend interface {
	process(ctx context.Context, in message) (out message, err error)
}

func handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "JACKFIELD_BENCH", MagicCookieValue: "stock"}
}

// stock is a go-plugin client with its child.
type stock struct {
	backend
	client *plugin.Client
	cmd    *exec.Cmd
}

// startStock launches a child; env goes to it.
func startStock(variant string, env ...string) (*stock, error) {
	s := &stock{cmd: self(roleChild, append(env, envVariant+"="+variant)...)}
	protocol := plugin.ProtocolGRPC
	if variant == "netrpc" {
		protocol = plugin.ProtocolNetRPC
	}
	s.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake(), Plugins: plugin.PluginSet{"echo": &echoPlugin{}}, Cmd: s.cmd,
		AllowedProtocols: []plugin.Protocol{protocol}, Logger: hclog.NewNullLogger(),
		SkipHostEnv: true, // else the role of the host would win over that of the child
	})
	client, err := s.client.Client()
	if err != nil {
		s.close()
		return nil, err
	}
	dispensed, err := client.Dispense("echo")
	if err != nil {
		s.close()
		return nil, err
	}
	s.backend = dispensed.(backend)
	return s, nil
}

func (s *stock) childPID() int { return s.cmd.Process.Pid }
func (s *stock) close()        { s.client.Kill() }

func (s *stock) caller(id, payload int) func(ctx context.Context) error {
	in := message{Type: echoType, MediaType: mediaType, Payload: payloadOf(payload)}
	mark := uint64(id) << 40
	return func(ctx context.Context) error {
		mark++
		stamp(in.Payload, mark)
		out, err := s.process(ctx, in)
		if err != nil {
			return err
		}
		return checkEcho(in.Payload, out.Payload)
	}
}

// answer is what the child does with a request.
type answer func(message) (message, error)

func echo(in message) (message, error) { return in, nil }

// runChild is the role of a child.
func runChild() error {
	do := answer(echo)
	if os.Getenv(envTyped) != "" {
		do = takeOrder
	}
	switch variant := os.Getenv(envVariant); variant {
	case "raw":
		return runRawChild()
	case "grpc", "netrpc":
		config := &plugin.ServeConfig{
			HandshakeConfig: handshake(), Plugins: plugin.PluginSet{"echo": &echoPlugin{do}}, Logger: hclog.NewNullLogger(),
		}
		if variant == "grpc" {
			config.GRPCServer = plugin.DefaultGRPCServer
		}
		plugin.Serve(config)
		return nil
	default:
		return fmt.Errorf("there is no child %q", variant)
	}
}

// echoPlugin is both halves of both protocols.
type echoPlugin struct{ do answer }

func (p *echoPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Process", Handler: p.serve}},
	}, struct{}{})
	return nil
}

func (p *echoPlugin) serve(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in extensionv1.ProcessRequest
	if err := decode(&in); err != nil {
		return nil, err
	}
	out, err := p.do(message{in.GetType(), in.GetMediaType(), in.GetPayload()})
	if err != nil {
		return nil, err
	}
	return &extensionv1.ProcessRequest{Type: out.Type, MediaType: out.MediaType, Payload: out.Payload}, nil
}

func (p *echoPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return overGRPC{conn}, nil
}

type overGRPC struct{ conn *grpc.ClientConn }

func (g overGRPC) process(ctx context.Context, in message) (message, error) {
	var out extensionv1.ProcessRequest
	err := g.conn.Invoke(ctx, "/bench.Echo/Process",
		&extensionv1.ProcessRequest{Type: in.Type, MediaType: in.MediaType, Payload: in.Payload}, &out)
	return message{out.GetType(), out.GetMediaType(), out.GetPayload()}, err
}

// Server and Client are the halves of net/rpc, whose calls take no context.
func (p *echoPlugin) Server(*plugin.MuxBroker) (any, error) { return &Echo{p.do}, nil }
func (p *echoPlugin) Client(_ *plugin.MuxBroker, client *rpc.Client) (any, error) {
	return overRPC{client}, nil
}

// Echo is exported because net/rpc looks for exported methods of exported types.
type Echo struct{ do answer }

// RPCMessage is message for net/rpc.
type RPCMessage message

// Process answers one request.
func (e *Echo) Process(in RPCMessage, out *RPCMessage) error {
	if e.do == nil {
		return errors.New("this is the host's half")
	}
	got, err := e.do(message(in))
	*out = RPCMessage(got)
	return err
}

type overRPC struct{ client *rpc.Client }

func (r overRPC) process(_ context.Context, in message) (message, error) {
	var out RPCMessage
	err := r.client.Call("Plugin.Process", RPCMessage(in), &out)
	return message(out), err
}
