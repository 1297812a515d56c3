package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// connect resolves and connects. Every address that the name resolves to is judged
// when it is connected to, and nothing else is: a name that changes its mind in
// between gains nothing.
func connect(ctx context.Context, resolver *net.Resolver, order dialOrder) (*net.TCPConn, *sdk.Error) {
	dialer := net.Dialer{Resolver: resolver}
	dialer.SetMultipathTCP(false) // the child is promised plain TCP
	if !order.target.mayBeAnywhere() {
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("judging the address: %w", err)
			}
			return checkResolved(at.Addr())
		}
	}
	conn, err := dialer.DialContext(ctx, order.network, order.target.String())
	if err != nil {
		return nil, faultOf(ctx, order, err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		_ = conn.Close()
		return nil, sdk.Errorf(sdk.Unavailable, "connecting to %s: the host got no TCP connection", order.target)
	}
	return tcp, nil
}

// faultOf says why a dial failed, in words for the extension's author.
func faultOf(ctx context.Context, order dialOrder, err error) *sdk.Error {
	var refused *refusedAddress
	var lookup *net.DNSError
	var address *net.AddrError
	deadline, _ := ctx.Deadline()
	late := !time.Now().Before(deadline) // ctx itself may not have noticed yet
	switch {
	case errors.As(err, &refused):
		return sdk.Errorf(sdk.PermissionDenied, "connecting to %s: %v", order.target, refused)
	case late:
		return sdk.Errorf(sdk.DeadlineExceeded, "connecting to %s: no connection within %s", order.target, order.timeout)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return sdk.Errorf(sdk.Unavailable, "connecting to %s: the name has no address", order.target)
	case errors.As(err, &lookup):
		return sdk.Errorf(sdk.Unavailable, "connecting to %s: the name can not be looked up just now", order.target)
	case errors.As(err, &address):
		return sdk.Errorf(sdk.Unavailable, "connecting to %s: it has no address for the network %s", order.target, order.network)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return sdk.Errorf(sdk.DeadlineExceeded, "connecting to %s: one of its addresses did not answer in time", order.target)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return sdk.Errorf(sdk.Unavailable, "connecting to %s: the host has too many open files", order.target)
	}
	return sdk.Errorf(sdk.Unavailable, "connecting to %s: %v", order.target, bareError(err))
}

// bareError is what the kernel said, without our own addresses.
func bareError(err error) error {
	var call *os.SyscallError
	var number syscall.Errno
	switch {
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &number):
		return number
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
