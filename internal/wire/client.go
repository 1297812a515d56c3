package wire

import (
	"context"
	"errors"
	"net/rpc"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
)

// ClientConfig returns the go-plugin configuration for one child whose requests and
// responses have at most maxMessageBytes of payload. The caller fills in RunnerFunc
// (or Cmd), Logger, Stderr, StartTimeout and UnixSocketConfig:
//
//   - Logger must be made by slogbridge.Hclog, which keeps go-plugin from parsing the
//     child's stderr, and Stderr then gets the child's lines (slogbridge.Lines);
//   - the runner's Stdout should be wrapped with HandshakeLine, so that what else a
//     child prints neither breaks the handshake nor gets lost, and its PluginToHost
//     should ask CheckAddress;
//   - Client.Kill waits for an answer of the child without a deadline: end the process
//     first, or in the runner's own time.
func ClientConfig(maxMessageBytes int) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{ProtocolVersion: {serviceName: &half{max: maxMessageBytes}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		GRPCDialOptions:  dialOptions(maxMessageBytes),
	}
}

// dialOptions bound what the host takes from a child.
func dialOptions(maxMessageBytes int) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessageBytes+overhead),
			grpc.MaxCallSendMsgSize(maxMessageBytes+overhead),
		),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithStreamInterceptor(refuseBroker),
	}
}

// refuseBroker keeps go-plugin's broker closed. It is not used, and through it a
// child could make the host start a goroutine for every number that it sends.
func refuseBroker(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if method == "/plugin.GRPCBroker/StartStream" {
		return nil, errNoBroker
	}
	return streamer(ctx, desc, cc, method, opts...)
}

var errNoBroker = errors.New("the broker is not in use")

// Connect starts c's process unless it runs already, and returns its Child, which is to
// be closed. Lanes are those that the process was given; nil gives a Child that uses
// the control connection for everything. Every error is a *LaunchError, to which
// Explain adds how the process ended. The caller ends the process, also after an error.
func Connect(c *plugin.Client, lanes *Lanes) (*Child, error) {
	child, err := connectTo(c, lanes)
	if err != nil && lanes != nil {
		lanes.Close()
	}
	return child, err
}

func connectTo(c *plugin.Client, lanes *Lanes) (*Child, error) {
	_, err := c.Start()
	if lanes != nil {
		lanes.CloseFiles()
	}
	if err != nil {
		return nil, Explain(err, "")
	}
	protocol, err := c.Client()
	if err != nil {
		return nil, Explain(err, "")
	}
	dispensed, err := protocol.Dispense(serviceName)
	if err != nil {
		return nil, Explain(err, "")
	}
	child := dispensed.(*Child)
	child.offered = lanes
	return child, nil
}

// half is this package's side of a go-plugin connection: in the host it makes a
// Child, in the child it serves an Extension.
type half struct {
	max    int
	server *server
}

func (h *half) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return newChild(conn, h.max), nil
}

func (h *half) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	extensionv1.RegisterExtensionServer(s, h.server)
	return nil
}

// Server and Client belong to go-plugin's older net/rpc, which is not spoken here.
func (h *half) Server(*plugin.MuxBroker) (any, error) { return nil, errNoNetRPC }
func (h *half) Client(*plugin.MuxBroker, *rpc.Client) (any, error) {
	return nil, errNoNetRPC
}

var errNoNetRPC = errors.New("net/rpc is not spoken here")
