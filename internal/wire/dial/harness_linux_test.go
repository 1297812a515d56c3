package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/sdk"
)

// dials is a dial pair in this process.
type dials struct {
	*Dialer
	host *dialReports
	stop func()
}

// dialReports are those of the host's half.
type dialReports struct {
	mu  sync.Mutex
	all []Report
}

func (r *dialReports) add(one Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

func (r *dialReports) count(code sdk.Code) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, one := range r.all {
		if sdk.CodeOf(errorOrNil(one.Err)) == code {
			n++
		}
	}
	return n
}

// errorOrNil keeps a nil *sdk.Error from becoming an error.
func errorOrNil(e *sdk.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func newDials(t *testing.T, cfg Config, permissions ...string) dials {
	t.Helper()
	grants, err := ParseGrants(permissions)
	if err != nil {
		t.Fatal(err)
	}
	reports := new(dialReports)
	cfg.Grants, cfg.Ended = grants, reports.add
	d, stop, err := Local(cfg, discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return dials{d, reports, stop}
}

// names is a name server in this process, asked over a pipe.
func names(answer func(name string) []netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerNames(server, answer)
		return client, nil
	}}
}

// answerNames answers the questions that come over one connection, until it ends.
func answerNames(conn net.Conn, answer func(name string) []netip.Addr) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
			return
		}
		question := m.Questions[0]
		m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, dnsmessage.RCodeSuccess, nil
		addresses := answer(strings.TrimSuffix(question.Name.String(), "."))
		if addresses == nil {
			m.RCode = dnsmessage.RCodeNameError
		}
		for _, ip := range addresses {
			header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
			switch {
			case ip.Is4() && question.Type == dnsmessage.TypeA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
			case ip.Is6() && question.Type == dnsmessage.TypeAAAA:
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
			}
		}
		packed, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...)); err != nil {
			return
		}
	}
}

// stuck is a name server that never answers while ctx lasts. It says when it is asked.
func stuck(ctx context.Context) (resolver *net.Resolver, asked <-chan struct{}) {
	c := make(chan struct{}, 10*maxDials)
	return &net.Resolver{PreferGo: true, Dial: func(lookup context.Context, _, _ string) (net.Conn, error) {
		select {
		case c <- struct{}{}:
		default:
		}
		select {
		case <-lookup.Done():
		case <-ctx.Done():
		}
		return nil, context.Canceled
	}}, c
}

// listen accepts connections, and closes them at once.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); accepting.Wait() })
	return l.Addr().String()
}

// refusing is an address at which nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// blackhole is an address that answers nothing: its listener's queue is full.
func blackhole(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*unix.SockaddrInet4).Port)).String()
	for range 100 {
		c, err := net.DialTimeout("tcp", at, 100*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("a listener that accepts nothing took 100 connections")
	return ""
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// barePair is a dial pair as older kernels know it: they let descriptors through.
func barePair(t testing.TB) (host, child *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		if ends[i], err = connOf(os.NewFile(uintptr(fd), "end")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ends[i].Close() })
	}
	return ends[0], ends[1]
}

// hostOf serves dials at the other end of what it returns. Ended waits for the end.
func hostOf(t testing.TB, cfg Config) (child *net.UnixConn, ended func() error) {
	t.Helper()
	host, child := barePair(t)
	done := make(chan error, 1)
	go func() { done <- Serve(context.WithoutCancel(t.Context()), host, cfg) }()
	return child, func() error {
		t.Helper()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("the host's half does not end")
			return nil
		}
	}
}

func ask(id uint64, address string) []byte {
	return message{kind: kindAsk, id: id, timeout: 60_000, text: address}.append(nil)
}

func send(t testing.TB, conn *net.UnixConn, message []byte, fds ...int) {
	t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if _, _, err := conn.WriteMsgUnix(message, oob, nil); err != nil {
		t.Fatal(err)
	}
}

// read takes one answer from a host.
func read(t testing.TB, conn *net.UnixConn) (message, passedSocket) {
	t.Helper()
	buf := make([]byte, maxMessage)
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, passed, err := receiveAnswer(conn, buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseMessage(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	return m, passed
}
