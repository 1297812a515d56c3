//go:build !linux

package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// errNoDialPair stands for the pair on platforms whose Unix sockets keep no message
// boundaries together with an end. Extensions there have a nil Dialer.
var errNoDialPair = fmt.Errorf("the host dials for extensions on Linux only: %w", errors.ErrUnsupported)

func dialPair() (host *net.UnixConn, child *os.File, err error) { return nil, nil, errNoDialPair }

func dialConn(f *os.File) (*net.UnixConn, error) { return nil, errors.Join(errNoDialPair, f.Close()) }

func receiveAsk(*net.UnixConn, []byte) (int, error) { return 0, errNoDialPair }

func sendAnswer(*net.UnixConn, []byte, *net.TCPConn) error { return errNoDialPair }

func receiveAnswer(*net.UnixConn, []byte) (int, passedSocket, error) {
	return 0, passedSocket{}, errNoDialPair
}
