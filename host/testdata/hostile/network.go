//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// opens opens a socket and closes it.
func opens(family, kind, protocol int) func(*hostile, Target) error {
	return func(*hostile, Target) error {
		fd, err := unix.Socket(family, kind, protocol)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}
}

func dials(network string, address func(Target) string) func(*hostile, Target) error {
	return func(_ *hostile, t Target) error {
		c, err := net.DialTimeout(network, address(t), time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		if network == "udp" || network == "unixgram" {
			_, err = c.Write([]byte("x"))
		}
		return err
	}
}

// tcp connects by hand, with a protocol.
func tcp(protocol int) func(*hostile, Target) error {
	return func(_ *hostile, t Target) error {
		at, err := netip.ParseAddrPort(t.Admin)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, protocol)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Connect(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	}
}

const (
	vsock     = 40
	netlink   = 16
	packet    = 17
	bluetooth = 31
	alg       = 38
	xdp       = 44
)

func network() []probe {
	admin := func(t Target) string { return t.Admin }
	return []probe{
		{"connect to the admin API", dials("tcp", admin)},
		{"the same by MPTCP", tcp(unix.IPPROTO_MPTCP)},
		{"open a socket for IPv6", opens(unix.AF_INET6, unix.SOCK_STREAM, 0)},
		{"listen on TCP", func(*hostile, Target) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			return l.Close()
		}},
		{"send a datagram (UDP)", dials("udp", admin)},
		{"open a raw socket", opens(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"open a netlink socket", opens(netlink, unix.SOCK_RAW, 0)},
		{"open a packet socket", opens(packet, unix.SOCK_RAW, 0)},
		{"open a vsock", opens(vsock, unix.SOCK_STREAM, 0)},
		{"open a Bluetooth socket", opens(bluetooth, unix.SOCK_RAW, 1)},
		{"open a socket of the kernel's crypto", opens(alg, unix.SOCK_SEQPACKET, 0)},
		{"open an XDP socket", opens(xdp, unix.SOCK_RAW, 0)},
		{"connect to a Unix socket of the host, by path", dials("unix", func(t Target) string { return t.Path })},
		{"the same with a datagram", dials("unixgram", func(t Target) string { return t.Datagrams })},
		{"a datagram from one of a pair", func(_ *hostile, t Target) error {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fds[0])
			defer unix.Close(fds[1])
			return unix.Sendto(fds[0], []byte("x"), 0, &unix.SockaddrUnix{Name: t.Datagrams})
		}},
		{"connect to an abstract Unix socket of the host", dials("unix", func(t Target) string { return t.Abstract })},
		{"connect to the socket of a neighbour", dials("unix", func(t Target) string { return t.NeighbourLane })},
		{"lead a granted connection elsewhere", func(h *hostile, t Target) error {
			c, err := h.dial(context.Background(), "tcp", t.Admin)
			if err != nil {
				return err
			}
			defer c.Close()
			raw, err := c.(syscall.Conn).SyscallConn()
			if err != nil {
				return err
			}
			var failed error
			err = raw.Control(func(fd uintptr) {
				// To be nowhere comes first.
				var nowhere unix.RawSockaddrUnix
				failed = succeeds(unix.SYS_CONNECT, fd, pointer(&nowhere), 16)
			})
			return errors.Join(err, failed)
		}},
	}
}
