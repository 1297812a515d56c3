package wire

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

// maxHandshakeLine bounds the line that may hold the handshake.
const maxHandshakeLine = 64 << 10

// HandshakeLine returns a reader of a child's stdout for go-plugin, which takes the
// first line for the handshake and drops the rest. It reads the handshake's line
// wherever that stands, and writes everything else to other, which is never called
// by two goroutines at once. A line is at most 64 KiB long. When stdout ends, so does
// what it reads.
func HandshakeLine(stdout io.ReadCloser, other io.Writer) io.ReadCloser {
	return &handshakeLine{
		stdout: stdout, other: other,
		line: regexp.MustCompile(`\d\|\d+\|(unix|tcp)\|[^|\n]*\|[a-z]+(\|[^\n]*)?\n`),
	}
}

type handshakeLine struct {
	stdout io.ReadCloser
	other  io.Writer
	line   *regexp.Regexp
	begun  []byte // a line without its end, before the handshake
	found  []byte // of the handshake, not yet read
	passed bool   // the handshake was found
}

func (h *handshakeLine) Read(p []byte) (int, error) {
	var buf [4096]byte
	for {
		if len(h.found) > 0 {
			n := copy(p, h.found)
			h.found = h.found[n:]
			return n, nil
		}
		n, err := h.stdout.Read(buf[:])
		h.take(buf[:n])
		if err != nil && len(h.found) == 0 {
			h.pass(h.begun)
			h.begun = nil
			return 0, err
		}
	}
}

// take sorts a part of the output.
func (h *handshakeLine) take(part []byte) {
	for !h.passed && len(part) > 0 {
		end := bytes.IndexByte(part, '\n') + 1
		if end == 0 {
			end = len(part)
		}
		h.begun = append(h.begun, part[:end]...)
		part = part[end:]
		if h.begun[len(h.begun)-1] == '\n' {
			h.judge(h.begun)
			h.begun = h.begun[:0]
		} else if len(h.begun) > maxHandshakeLine {
			h.pass(h.begun)
			h.begun = h.begun[:0]
		}
	}
	h.pass(part)
}

// judge sorts one whole line. What was printed without a line break may stand in
// front of the handshake.
func (h *handshakeLine) judge(line []byte) {
	at := h.line.FindIndex(line)
	if at == nil {
		h.pass(line)
		return
	}
	h.passed = true
	h.found = bytes.Clone(line[at[0]:])
	if at[0] > 0 {
		h.pass(append(bytes.Clone(line[:at[0]]), '\n'))
	}
}

// pass writes to other. A log that fails must not stop the child.
func (h *handshakeLine) pass(part []byte) {
	if len(part) > 0 {
		_, _ = h.other.Write(part)
	}
}

func (h *handshakeLine) Close() error { return h.stdout.Close() }

// CheckAddress refuses an address that a child must not send its host to: anything
// but a Unix socket in the folder that the host made for it.
func CheckAddress(network, address, dir string) error {
	if network != "unix" {
		return fmt.Errorf("the extension listens on network %s, only unix is accepted", quoted(network))
	}
	rel, err := filepath.Rel(dir, address)
	if err != nil || !filepath.IsAbs(address) || rel == "." || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fmt.Errorf("the extension listens on %s, outside of its folder", quoted(address))
	}
	return nil
}
