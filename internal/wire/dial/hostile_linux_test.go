package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/sdk"
)

// What a hostile child sends ends its pair, says why, and leaves nothing in the host.
func TestHostileChildren(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	for name, c := range map[string]struct {
		messages [][]byte
		fds      []int // beside the last one
		text     string
	}{
		"truncated":               {[][]byte{ask(1, "")[:7]}, nil, "a message of 7 bytes"},
		"oversized":               {[][]byte{ask(1, strings.Repeat("x", maxMessage))}, nil, "more than 4096 bytes"},
		"another version":         {[][]byte{append([]byte{9}, ask(1, "")[1:]...)}, nil, "version 9"},
		"an answer":               {[][]byte{message{kind: kindDone, id: 1}.append(nil)}, nil, "a child sent a message of kind 3"},
		"a failure":               {[][]byte{message{kind: kindFailed, id: 1, code: 1}.append(nil)}, nil, "a child sent a message of kind 4"},
		"the same id":             {[][]byte{ask(5, "a:1"), ask(5, "a:1")}, nil, "dial 5 was asked for after dial 5"},
		"an earlier id":           {[][]byte{ask(5, "a:1"), ask(4, "a:1")}, nil, "dial 4 was asked for after dial 5"},
		"a cancel out of nowhere": {[][]byte{ask(5, "a:1"), message{kind: kindCancel, id: 6}.append(nil)}, nil, "dial 6 was cancelled and never asked for"},
		"a descriptor":            {[][]byte{ask(1, "a:1")}, []int{fd}, "came with descriptors"},
		"many descriptors":        {[][]byte{ask(1, "a:1")}, slices.Repeat([]int{fd}, 253), "came with descriptors"},
		"a descriptor and junk":   {[][]byte{{0}}, []int{fd}, "came with descriptors"},
	} {
		t.Run(name, func(t *testing.T) {
			child, ended := hostOf(t, Config{})
			before := openDescriptors(t)
			for i, m := range c.messages {
				if i < len(c.messages)-1 {
					send(t, child, m)
				} else {
					send(t, child, m, c.fds...)
				}
			}
			if err := ended(); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
			_ = child.SetReadDeadline(time.Now().Add(20 * time.Second))
			for {
				if _, _, err := receiveAnswer(child, make([]byte, maxMessage)); err != nil {
					if !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) {
						t.Errorf("the child's end: %v", err)
					}
					break
				}
			}
			eventually(t, "only the host's end went", func() bool { return openDescriptors(t) < before })
		})
	}
}

// The pair that children get refuses descriptors where the kernel can do it, and ends
// where it can not.
func TestDescriptorsStayOutside(t *testing.T) {
	host, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	child, err := connOf(file)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	done := make(chan error, 1)
	go func() { done <- Serve(t.Context(), host, Config{}) }()
	if _, _, err = child.WriteMsgUnix(ask(1, "a:1"), unix.UnixRights(0), nil); err == nil {
		err = <-done
	} else {
		child.Close()
		if ended := <-done; ended != nil {
			t.Errorf("the host's half: %v", ended)
		}
	}
	if !errors.Is(err, unix.EPERM) && (err == nil || !strings.Contains(err.Error(), "came with descriptors")) {
		t.Errorf("got %v", err)
	}
}

// What an honest child of another making may get wrong is answered, and ends nothing.
func TestMistakesAreAnswered(t *testing.T) {
	child, ended := hostOf(t, Config{})
	for i, c := range []struct {
		m    message
		code sdk.Code
	}{
		{message{kind: kindAsk, timeout: 1000, text: "example.org:443"}, sdk.PermissionDenied},
		{message{kind: kindAsk, timeout: 1000, text: ""}, sdk.InvalidArgument},
		{message{kind: kindAsk, timeout: 1000, text: "\xff\x00"}, sdk.InvalidArgument},
		{message{kind: kindAsk, timeout: 1000, text: strings.Repeat("x", 4000)}, sdk.InvalidArgument},
		{message{kind: kindAsk, timeout: 0, text: "a:1"}, sdk.InvalidArgument},
		{message{kind: kindAsk, timeout: 60_001, text: "a:1"}, sdk.InvalidArgument},
		{message{kind: kindAsk, timeout: 1000, network: 1, text: "a:1"}, sdk.InvalidArgument},
		{message{kind: kindAsk, timeout: 1000, network: 255, text: "a:1"}, sdk.InvalidArgument},
	} {
		c.m.id = uint64(10 * (i + 1)) // it counts upwards, in whatever steps
		send(t, child, c.m.append(nil))
		m, passed := read(t, child)
		if m.kind != kindFailed || m.id != c.m.id || codes()[m.code] != c.code || m.text == "" || passed.came() {
			t.Errorf("%+v: got %+v", c.m, m)
		}
	}
	// Cancels of what has ended, more than once.
	for _, id := range []uint64{10, 10, 3} {
		send(t, child, message{kind: kindCancel, id: id}.append(nil))
	}
	send(t, child, ask(1000, "a:1"))
	if m, _ := read(t, child); m.id != 1000 {
		t.Errorf("after cancels: %+v", m)
	}
	child.Close()
	if err := ended(); err != nil {
		t.Errorf("a child that leaves: %v", err)
	}
}

// A child that leaves in the middle of its dials takes them along; so does the host.
func TestTheEndOfAPairEndsItsDials(t *testing.T) {
	grants, err := ParseGrants([]string{"net:slow.test:1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(child *net.UnixConn, cancel func()){
		"the child leaves": func(child *net.UnixConn, _ func()) { child.Close() },
		"the host ends it": func(_ *net.UnixConn, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			host, child := barePair(t)
			resolver, asked := stuck(t.Context())
			var reports dialReports
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				done <- Serve(ctx, host, Config{Grants: grants, Resolver: resolver, Ended: reports.add})
			}()
			send(t, child, ask(1, "slow.test:1"))
			send(t, child, ask(2, "slow.test:1"))
			<-asked
			end(child, cancel)
			if err := <-done; err != nil {
				t.Error(err)
			}
			// The second may not have been read by then.
			if n := reports.count(sdk.Canceled); n == 0 || n != len(reports.all) {
				t.Errorf("%d of %d dials were canceled", n, len(reports.all))
			}
		})
	}
}

// A child that cancels all the time does not get more work out of the host than one
// that does not.
func TestCancelsAreNoWayAroundTheLimit(t *testing.T) {
	quick := listen(t)
	grants, err := ParseGrants([]string{"net:" + quick})
	if err != nil {
		t.Fatal(err)
	}
	child, ended := hostOf(t, Config{Grants: grants})
	answered := make(chan int, 1)
	var reading sync.WaitGroup
	reading.Go(func() { // what comes although it was cancelled
		n := 0
		buf := make([]byte, maxMessage)
		for {
			_, passed, err := receiveAnswer(child, buf)
			if err != nil {
				answered <- n
				return
			}
			n++
			passed.file.Close()
		}
	})
	for id := range uint64(3000) {
		send(t, child, ask(id+1, quick))
		send(t, child, message{kind: kindCancel, id: id + 1}.append(nil))
	}
	if err := errors.Join(child.CloseWrite(), ended()); err != nil {
		t.Error(err)
	}
	reading.Wait()
	t.Logf("%d of 3000 cancelled dials were answered", <-answered)
}

// A child that takes no answers is given up, with everything that waits for it.
func TestAChildThatDoesNotRead(t *testing.T) {
	quick := listen(t)
	grants, err := ParseGrants([]string{"net:" + quick})
	if err != nil {
		t.Fatal(err)
	}
	host, child := barePair(t)
	s := newServer(host, Config{Grants: grants})
	s.patience = 50 * time.Millisecond
	before := openDescriptors(t)
	done := make(chan error, 1)
	go func() { done <- s.serve(t.Context()) }()
	for id := uint64(1); ; id++ {
		_ = child.SetWriteDeadline(time.Now().Add(20 * time.Second))
		if _, _, err := child.WriteMsgUnix(ask(id, quick), nil, nil); err != nil {
			break
		}
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "does not take its answers") {
		t.Errorf("got %v", err)
	}
	child.Close() // with it go the sockets that it did not take
	eventually(t, "the descriptors are closed", func() bool { return openDescriptors(t) <= before-2 })
}

// What a hostile host could send does no harm to the child, and no dial is left waiting.
func TestStrangeHosts(t *testing.T) {
	l := listen(t)
	done := message{kind: kindDone, id: 1}.append(nil)
	failed := message{kind: kindFailed, id: 1, code: 2, text: "no"}.append(nil)
	for name, c := range map[string]struct {
		message []byte
		fds     int
		text    string
	}{
		"garbage":                  {[]byte("garbage"), 0, "a message of 7 bytes"},
		"oversized":                {make([]byte, 5000), 0, "more than 4096 bytes"},
		"an ask":                   {ask(1, "a:1"), 0, "a host sent a message of kind 1"},
		"no descriptor":            {done, 0, "the wrong number of descriptors"},
		"two descriptors":          {done, 2, "more than one descriptor"},
		"many descriptors":         {done, 100, "more than one descriptor"},
		"a failure with a socket":  {failed, 1, "the wrong number of descriptors"},
		"garbage with a socket":    {[]byte("garbage"), 1, "a message of 7 bytes"},
		"an answer to no question": {message{kind: kindDone, id: 2}.append(nil), 1, "dial 2 was answered and never asked for"},
		"a failure":                {failed, 0, "no"},
		"no socket at all":         {done, -1, "taking over the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			host, child := barePair(t)
			d := NewDialer(child)
			defer d.Close()
			before := openDescriptors(t)
			go func() {
				buf := make([]byte, maxMessage)
				if _, err := receiveAsk(host, buf); err != nil {
					return
				}
				conn, err := net.Dial("tcp", l)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				open := conn.(*net.TCPConn).File
				if c.fds < 0 {
					open = func() (*os.File, error) { return os.Open(os.DevNull) }
				}
				f, err := open()
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				var oob []byte
				if c.fds != 0 {
					oob = unix.UnixRights(slices.Repeat([]int{int(f.Fd())}, max(c.fds, 1))...)
				}
				_, _, _ = host.WriteMsgUnix(c.message, oob, nil)
			}()
			_, err := d.DialContext(t.Context(), "tcp", "a:1")
			wantError(t, err, sdk.Unavailable, c.text)
			eventually(t, "nothing is left", func() bool { return openDescriptors(t) <= before })
		})
	}
}

// A connection that comes after its dial was cancelled is closed.
func TestLateConnections(t *testing.T) {
	host, child := barePair(t)
	d := NewDialer(child)
	defer d.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var dialling sync.WaitGroup
	dialling.Go(func() {
		_, err := d.DialContext(ctx, "tcp", "a:1")
		wantError(t, err, sdk.Canceled, "was canceled")
	})
	buf := make([]byte, maxMessage)
	if _, err := receiveAsk(host, buf); err != nil {
		t.Fatal(err)
	}
	cancel()
	dialling.Wait()
	n, err := receiveAsk(host, buf)
	if m, wrong := parseMessage(buf[:n]); err != nil || wrong != nil || m.kind != kindCancel || m.id != 1 {
		t.Fatalf("got %+v, %v, %v", m, err, wrong)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := sendAnswer(host, message{kind: kindDone, id: 1}.append(nil), conn.(*net.TCPConn)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	_ = other.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := other.Read(buf); err != io.EOF {
		t.Errorf("the late connection: %v", err)
	}
}
