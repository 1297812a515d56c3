package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/gorilla/mux"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
)

// The peer: what one writes by hand in an afternoon. A gorilla/mux route reads the
// body and calls a stock go-plugin gRPC child, which answers the same bytes. No
// validation, no limits, no deadlines, no metrics, no TLS to the child: every choice
// is in its favour.

const (
	envRole       = "JACKFIELD_BENCH_ROLE"
	rolePeerHost  = "peer-host"
	rolePeerChild = "peer-child"
)

func goos() string   { return runtime.GOOS }
func goarch() string { return runtime.GOARCH }

func peerHandshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "JACKFIELD_BENCH", MagicCookieValue: "peer"}
}

// echoService is the one method of the peer's child.
type echoService struct{ plugin.NetRPCUnsupportedPlugin }

func (echoService) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Process", Handler: serveEcho}},
	}, struct{}{})
	return nil
}

func (echoService) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

func serveEcho(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var req extensionv1.ProcessRequest
	if err := decode(&req); err != nil {
		return nil, err
	}
	return &extensionv1.ProcessRequest{Type: req.GetType(), MediaType: req.GetMediaType(), Payload: req.GetPayload()}, nil
}

func runPeerChild() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: peerHandshake(),
		Plugins:         plugin.PluginSet{"echo": echoService{}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
}

func runPeerHost() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envRole+"="+rolePeerChild)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: peerHandshake(), Plugins: plugin.PluginSet{"echo": echoService{}}, Cmd: cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
		SkipHostEnv: true, // else the role of the host would win over that of the child
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	dispensed, err := protocol.Dispense("echo")
	if err != nil {
		return err
	}
	conn := dispensed.(*grpc.ClientConn)

	routes := mux.NewRouter()
	routes.HandleFunc("/v1/requests/{type}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in := &extensionv1.ProcessRequest{Type: mux.Vars(r)["type"], MediaType: r.Header.Get("Content-Type"), Payload: body}
		var out extensionv1.ProcessRequest
		if err := conn.Invoke(r.Context(), "/bench.Echo/Process", in, &out); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", out.GetMediaType())
		w.Header().Set("Content-Length", fmt.Sprint(len(out.GetPayload())))
		w.Write(out.GetPayload())
	}).Methods(http.MethodPost)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr())
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
