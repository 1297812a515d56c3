package top

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J" // the other screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// Show runs the live screen on the terminal of in and out until somebody quits, or ctx
// ends. It asks source every so often, and draws after each look and each key. host is how
// the host is named on it. The error is that of the terminal, or of the first look.
func Show(ctx context.Context, source Source, in, out *os.File, host string, v View, every time.Duration) (err error) {
	s := &screen{host: oneLine(host), view: v}
	if s.look(ctx, source); s.err != nil {
		return s.err // better without a screen that hides it
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, enterScreen); err != nil {
		return err
	}
	defer func() {
		_, left := io.WriteString(out, leaveScreen)
		if restored := term.Restore(int(in.Fd()), before); err == nil {
			err = restored
		}
		if err == nil {
			err = left
		}
	}()
	keys, stop, err := listen(in)
	if err != nil {
		return err
	}
	defer stop()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	return s.run(ctx, source, out, keys, resized, every)
}

// run draws until the last key.
func (s *screen) run(ctx context.Context, source Source, out *os.File, keys <-chan []byte, resized <-chan os.Signal, every time.Duration) error {
	looks := make(chan func(), 1)
	var looking sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer looking.Wait()
	defer cancel()
	// One look at a time, beside the keys: they work while a host does not answer.
	looking.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			var next screen
			next.look(ctx, source)
			select {
			case looks <- func() {
				if s.err = next.err; next.err == nil {
					s.list, s.at = next.list, next.at
				}
			}:
			case <-ctx.Done():
				return
			}
		}
	})
	for {
		at := output.Look(out)
		if _, err := io.WriteString(out, s.draw(at)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case apply := <-looks:
			apply()
		case <-resized:
		case sent, ok := <-keys:
			if !ok { // the terminal is gone
				return nil
			}
			for _, key := range keysOf(sent) {
				if s.press(key, at.Height) {
					return nil
				}
			}
		}
	}
}

// listen reads what is typed until stop is called, which waits for the reader to end. The
// channel is closed with the terminal.
func listen(in *os.File) (keys <-chan []byte, stop func(), err error) {
	read, write, err := os.Pipe() // its end is the sign to stop: a read of a terminal can not be broken off
	if err != nil {
		return nil, nil, err
	}
	typed, done := make(chan []byte), make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(typed)
		for {
			wait := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}, {Fd: int32(read.Fd()), Events: unix.POLLIN}}
			if _, err := unix.Poll(wait, -1); err == unix.EINTR {
				continue
			} else if err != nil || wait[1].Revents != 0 {
				return
			}
			buf := make([]byte, 64)
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			select {
			case typed <- buf[:n]:
			case <-done:
				return
			}
		}
	})
	return typed, func() {
		close(done)
		write.Close()
		reading.Wait()
		read.Close()
	}, nil
}
