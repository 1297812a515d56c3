package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// The codes of a LaunchError.
const (
	CodeLaunchFailed     = "launch_failed"
	CodeHandshakeTimeout = "handshake_timeout"
	CodeProtocolMismatch = "protocol_mismatch"
)

// LaunchError says in words why no Child came out of a launch.
type LaunchError struct {
	// Code is one of the constants above.
	Code string
	// Message says what happened and what to do, for an administrator.
	Message string
	// Permanent is true when the same bytes can not succeed on this host.
	Permanent bool
	// Err is the cause, with go-plugin's words.
	Err error
}

func (e *LaunchError) Error() string { return e.Code + ": " + e.Message }
func (e *LaunchError) Unwrap() error { return e.Err }

// Explain says why a launch failed. Err is what Connect or go-plugin returned. Exit
// says how the process ended, in the words of os.ProcessState ("exit status 2",
// "signal: killed"), and is empty when it is not known.
func Explain(err error, exit string) *LaunchError {
	var before *LaunchError
	if errors.As(err, &before) {
		err = before.Err
	}
	e := &LaunchError{Code: CodeLaunchFailed, Err: err}
	if explainStart(e, err) || explainProtocol(e, err.Error()) {
		return e
	}
	switch text := err.Error(); {
	case strings.Contains(text, "timeout while waiting for plugin to start"):
		e.Code = CodeHandshakeTimeout
		e.Message = "the process did not speak within the start deadline (timeouts.start); does its main function call serve.Main?"
	case strings.Contains(text, "plugin exited before we could connect"),
		strings.Contains(text, "Failed to read any lines"):
		e.Message = "the process ended before the handshake" + parenthesis(exit) +
			"; its last lines on stderr say more, and starting the executable by hand may, too"
	case strings.Contains(text, "Unrecognized remote plugin message"):
		e.Message = "the process does not speak the handshake: its first line on stdout was " + quoted(firstLine(text))
	case strings.Contains(text, "server cert"):
		e.Message = "the process showed no usable certificate: its SDK must support go-plugin's AutoMTLS"
	default:
		e.Message = bounded(text, 500) + parenthesis(exit)
	}
	return e
}

// explainStart knows the errors of starting a process.
func explainStart(e *LaunchError, err error) bool {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		e.Message, e.Permanent = "executable format error: the executable is not built for this platform", true
	case errors.Is(err, fs.ErrPermission):
		e.Message = "the executable may not be executed: is its file system mounted noexec, or are its permissions wrong?"
	case errors.Is(err, fs.ErrNotExist):
		e.Message = "the executable, or the loader or interpreter that it asks for, does not exist on this machine; build with CGO_ENABLED=0"
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Message = "the machine has no room for another process: " + err.Error()
	default:
		return false
	}
	return true
}

// explainProtocol knows go-plugin's texts about versions. They are part of no promise;
// tests with real children hold them.
func explainProtocol(e *LaunchError, text string) bool {
	if m := regexp.MustCompile(`Plugin version: (\d+), Client versions`).FindStringSubmatch(text); m != nil {
		theirs, err := strconv.Atoi(m[1])
		side := "upgrade the extension: rebuild it with this host's SDK"
		if err != nil || theirs > ProtocolVersion {
			side = "upgrade the host"
		}
		e.Message = fmt.Sprintf("the extension speaks protocol version %s, this host speaks %d: %s", m[1], ProtocolVersion, side)
	} else if strings.Contains(text, "incompatible core API version") {
		e.Message = "the extension speaks another version of go-plugin's own handshake than this host: rebuild it with this host's SDK"
	} else if strings.Contains(text, "unsupported plugin protocol") {
		e.Message = "the executable is a go-plugin program that speaks net/rpc, not an extension of this host: build it with this host's SDK"
	} else {
		return false
	}
	e.Code, e.Permanent = CodeProtocolMismatch, true
	return true
}

// firstLine is what the process said instead of the handshake.
func firstLine(text string) string {
	_, line, _ := strings.Cut(text, "Unrecognized remote plugin message: ")
	line, _, _ = strings.Cut(line, "\n")
	return line
}

func parenthesis(exit string) string {
	if exit == "" {
		return ""
	}
	return " (" + exit + ")"
}
