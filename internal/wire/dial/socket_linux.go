package dial

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Pair makes the two ends of a dial pair: the host's, and the child's as a file to
// be inherited. Messages have boundaries on it, and it ends when either end does.
func Pair() (host *net.UnixConn, child *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// From Linux 6.16 on the kernel itself keeps descriptors off the host's end. Before,
	// they are thrown away when the message is read, and the pair with them.
	if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0); err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
		return nil, nil, errors.Join(os.NewSyscallError("setsockopt", err), unix.Close(fds[0]), unix.Close(fds[1]))
	}
	child = os.NewFile(uintptr(fds[1]), "dial pair, the child's end")
	host, err = connOf(os.NewFile(uintptr(fds[0]), "dial pair, the host's end"))
	if err != nil {
		return nil, nil, errors.Join(err, child.Close())
	}
	return host, child, nil
}

// connOf makes a connection of an end of a dial pair, and closes the file.
func connOf(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("taking the dial pair over: %w", err)
	}
	if end, ok := conn.(*net.UnixConn); ok && conn.LocalAddr().Network() == "unixpacket" {
		return end, nil
	}
	_ = conn.Close()
	return nil, fmt.Errorf("taking the dial pair over: %s is a socket of another kind", f.Name())
}

// receiveAsk reads a child's message into buf. No descriptor gets in: without room for
// them the kernel closes what came with a message.
func receiveAsk(conn *net.UnixConn, buf []byte) (int, error) {
	n, _, flags, _, err := conn.ReadMsgUnix(buf, nil)
	switch {
	case err != nil:
		return 0, err
	case flags&unix.MSG_CTRUNC != 0:
		return 0, breach("a message came with descriptors, and a child may send none")
	case flags&unix.MSG_TRUNC != 0:
		return 0, breach("a message has more than %d bytes", len(buf))
	}
	return n, nil
}

// sendAnswer writes one message, with a copy of socket's descriptor unless it is nil.
func sendAnswer(conn *net.UnixConn, message []byte, socket *net.TCPConn) error {
	if socket == nil {
		_, _, err := conn.WriteMsgUnix(message, nil, nil)
		return err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	if err := raw.Control(func(fd uintptr) {
		_, _, sendErr = conn.WriteMsgUnix(message, unix.UnixRights(int(fd)), nil)
	}); err != nil {
		return err
	}
	return sendErr
}

// receiveAnswer reads a host's message into buf, with the descriptor that came with it.
// More than one are an error, and closed.
func receiveAnswer(conn *net.UnixConn, buf []byte) (n int, passed passedSocket, err error) {
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, flags, _, err := conn.ReadMsgUnix(buf, oob) // close-on-exec
	if err != nil {
		return 0, passedSocket{}, err
	}
	fds, err := rights(oob[:oobn])
	cut := flags&unix.MSG_CTRUNC != 0
	switch {
	case err != nil:
		err = breach("a message came with control data that make no sense")
	case len(fds) > 1, len(fds) == 1 && cut:
		err = breach("a message came with more than one descriptor")
	case flags&unix.MSG_TRUNC != 0:
		err = breach("a message has more than %d bytes", len(buf))
	case len(fds) == 1:
		return n, passedSocket{file: os.NewFile(uintptr(fds[0]), "a dialled socket")}, nil
	default:
		return n, passedSocket{lost: cut}, nil
	}
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
	return 0, passedSocket{}, err
}

// rights are the descriptors in a message's control data, also of those beside the
// part that is wrong.
func rights(oob []byte) (fds []int, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	for _, m := range messages {
		some, wrong := unix.ParseUnixRights(&m) // an error for any other kind of message
		fds, err = append(fds, some...), errors.Join(err, wrong)
	}
	return fds, err
}
