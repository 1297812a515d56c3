package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/internal/wire/lane"
)

// Pair joins both halves in this process, through a real gRPC connection over a Unix
// socket with the limits of a real one, and real lanes: everything but the process,
// the handshake and TLS. Stop ends the connection and waits for calls that still run.
func Pair(ext Extension, log *slog.Logger, maxMessageBytes int) (child *Child, stop func(), err error) {
	pairs, err := lane.NewPairs()
	if err != nil {
		return nil, nil, err
	}
	lanes := &Lanes{Pairs: pairs} // without a dial pair, which dial.Local makes
	ends, err := lanes.Child()
	if err != nil {
		lanes.Close()
		return nil, nil, err
	}
	service := newServer(ext, log, nil)
	end, err := service.serveLane(ends, nil)
	if err != nil {
		lanes.Close()
		ends.Close()
		return nil, nil, err
	}
	child, disconnect, err := pairControl(service, log, maxMessageBytes)
	if err != nil {
		lanes.Close()
		end()
		return nil, nil, err
	}
	child.offered = lanes
	return child, func() { child.Close(); end(); disconnect() }, nil
}

// PairControl is Pair for an extension that does not serve the lane.
func PairControl(ext Extension, log *slog.Logger, maxMessageBytes int) (child *Child, stop func(), err error) {
	return pairControl(newServer(ext, log, nil), log, maxMessageBytes)
}

func pairControl(service *server, log *slog.Logger, maxMessageBytes int) (child *Child, stop func(), err error) {
	dir, err := os.MkdirTemp("", "jackfield-pair-")
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, fmt.Errorf("listening for the pair: %w", err)
	}
	grpcServer := grpc.NewServer(append(serverOptions(nil), grpc.WaitForHandlers(true))...)
	extensionv1.RegisterExtensionServer(grpcServer, service)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := grpcServer.Serve(listener); err != nil {
			log.Error("serving the pair", "error", err)
		}
	})
	end := func() {
		grpcServer.Stop()
		serving.Wait()
		_ = os.RemoveAll(dir)
	}
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	conn, err := grpc.NewClient("passthrough:///pair", append(dialOptions(maxMessageBytes),
		grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		end()
		return nil, nil, err
	}
	return newChild(conn, maxMessageBytes), func() { _ = conn.Close(); end() }, nil
}
