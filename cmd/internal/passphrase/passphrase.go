// Package passphrase is how commands get one: FromFile reads it from a file, Ask and
// AskNew from the person at the terminal, without showing it. Never from the command
// line or the environment, which other processes can see. No error repeats one.
package passphrase

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// maxLength bounds a passphrase in bytes.
const maxLength = 1 << 10

// FromFile returns the first line of a file, or of a pipe, without its line end.
func FromFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLength+3))
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return nil, output.Errorf("write the passphrase into its first line", "%s holds no passphrase", file)
	case len(line) > maxLength:
		return nil, output.Errorf("", "the first line of %s is longer than %d bytes", file, maxLength)
	}
	return line, nil
}

// Ask asks the person at the terminal in for a passphrase, with a question that names
// what it is for. Where there is no terminal the error says to use flag instead.
func Ask(ctx context.Context, in io.Reader, out io.Writer, what, flag string) ([]byte, error) {
	tty, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		return nil, output.Usagef("write it into the first line of a file and name that with "+flag,
			"the passphrase of %s is needed, and there is no terminal to ask at", what)
	}
	secret, err := ask(ctx, tty, out, "passphrase of "+what+": ")
	if err == nil && len(secret) == 0 {
		err = output.Errorf("", "no passphrase was given for %s", what)
	}
	return secret, err
}

// AskNew asks for a passphrase that is being chosen, twice.
func AskNew(ctx context.Context, in io.Reader, out io.Writer, what, flag string) ([]byte, error) {
	first, err := Ask(ctx, in, out, what+" (new)", flag)
	if err != nil {
		return nil, err
	}
	second, err := ask(ctx, in.(*os.File), out, "the same once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, output.Errorf("", "the two passphrases differ; nothing was done")
	}
	return first, nil
}

func ask(ctx context.Context, tty *os.File, out io.Writer, question string) ([]byte, error) {
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("looking at the terminal: %w", err)
	}
	if _, err := io.WriteString(out, question); err != nil {
		return nil, err
	}
	type reply struct {
		secret []byte
		err    error
	}
	replies := make(chan reply, 1)
	// Reading from a terminal can not be called off: after an interrupt the goroutine
	// ends with the process.
	go func() {
		secret, err := term.ReadPassword(fd)
		replies <- reply{secret, err}
	}()
	select {
	case <-ctx.Done():
		// What is typed next is to be seen again.
		return nil, errors.Join(ctx.Err(), term.Restore(fd, before))
	case r := <-replies:
		if _, err := io.WriteString(out, "\n"); err != nil {
			return nil, err
		}
		if r.err != nil {
			return nil, fmt.Errorf("reading the passphrase from the terminal: %w", r.err)
		}
		if len(r.secret) > maxLength {
			return nil, output.Errorf("", "a passphrase has at most %d bytes", maxLength)
		}
		return r.secret, nil
	}
}
