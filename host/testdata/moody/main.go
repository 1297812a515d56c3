// Command moody is the extension of the host's stories: it answers what it is asked in
// one word, and behaves as the file "mood" in its bundle says.
//
// Words: "version" is answered with its version; "data" with a line for each activation
// and each "write"; "config" with its configuration; "dial" and an address with
// "connected"; "log" and a text are logged, at every level; "die" ends the process; anything else comes back. Moods: "init" and "activate" fail there, "dial" and an
// address in Init when that cannot be dialled. The member "mood" of its configuration:
// "refuse" is refused, "die" ends the process, "hang" is not answered. Built with
// -X main.live=true it takes a configuration while it runs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

var live string

type moody struct {
	version, mood, data string

	config atomic.Pointer[json.RawMessage]
	log    *slog.Logger

	dialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

func (m *moody) Handlers() []sdk.Handler { return []sdk.Handler{sdk.HandleRaw(m.answer)} }

func (m *moody) Init(ctx context.Context, setup sdk.Setup) error {
	m.dialContext, m.log = setup.DialContext, setup.Log
	m.version = setup.Manifest["extension_version"]
	if err := m.configure(ctx, setup.Config); err != nil {
		return err
	}
	m.data = filepath.Join(setup.DataDir, "lines")
	mood, err := os.ReadFile(filepath.Join(setup.BundleDir, "mood"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	setup.Log.Info("in a mood", "mood", string(mood)) // there is a log file then
	if m.mood = string(mood); m.mood == "init" {
		return errors.New("in no mood to start")
	}
	if address, ok := strings.CutPrefix(m.mood, "dial "); ok {
		return m.dial(ctx, address)
	}
	return nil
}

func (m *moody) configure(ctx context.Context, config json.RawMessage) error {
	var c struct {
		Mood, Password string
	}
	if config != nil {
		if err := json.Unmarshal(config, &c); err != nil {
			return err
		}
	}
	switch c.Mood {
	case "refuse":
		return errors.New("in no mood for " + c.Password)
	case "die":
		os.Exit(4)
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	}
	m.config.Store(&config)
	return nil
}

func (m *moody) dial(ctx context.Context, address string) error {
	conn, err := m.dialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (m *moody) Activate(context.Context) error {
	if err := m.write("activated " + m.version); err != nil {
		return err
	}
	if m.mood == "activate" {
		return errors.New("in no mood to serve")
	}
	return nil
}

func (m *moody) write(line string) error {
	f, err := os.OpenFile(m.data, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

func (m *moody) answer(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	text := string(req.Payload)
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "version":
		text = m.version
	case "config":
		text = string(*m.config.Load())
	case "write":
		if err := m.write(rest); err != nil {
			return nil, err
		}
	case "data":
		lines, err := os.ReadFile(m.data)
		if err != nil {
			return nil, err
		}
		text = string(lines)
	case "dial":
		if err := m.dial(ctx, rest); err != nil {
			return nil, err
		}
		text = "connected"
	case "log":
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			m.log.Log(ctx, level, rest, "from", level.String())
		}
	case "die":
		os.Exit(3)
	}
	return &sdk.Response{MediaType: "text/plain", Payload: []byte(text)}, nil
}

// lively is a moody that is a Configurer.
type lively struct{ moody }

func (l *lively) Configure(ctx context.Context, config json.RawMessage) error {
	return l.configure(ctx, config)
}

func main() {
	if live != "" {
		serve.Main(&lively{})
	}
	serve.Main(&moody{})
}
