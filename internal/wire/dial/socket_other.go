//go:build !linux

package dial

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// errNoPair stands for the pair on platforms whose Unix sockets keep no message
// boundaries together with an end. Extensions there have a nil Dialer.
var errNoPair = fmt.Errorf("the host dials for extensions on Linux only: %w", errors.ErrUnsupported)

func Pair() (host *net.UnixConn, child *os.File, err error) { return nil, nil, errNoPair }

func connOf(f *os.File) (*net.UnixConn, error) { return nil, errors.Join(errNoPair, f.Close()) }

func receiveAsk(*net.UnixConn, []byte) (int, error) { return 0, errNoPair }

func sendAnswer(*net.UnixConn, []byte, *net.TCPConn) error { return errNoPair }

func receiveAnswer(*net.UnixConn, []byte) (int, passedSocket, error) {
	return 0, passedSocket{}, errNoPair
}
