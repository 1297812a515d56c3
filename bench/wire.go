package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

// envEcho is the path of the echo example's executable, the child of our planes.
const envEcho = "JACKFIELD_BENCH_ECHO"

// maxMessage is the limit of the host for requests and responses.
const maxMessage = 16 * mib

// ours is our wire to a process of the echo example.
type ours struct {
	child  *wire.Child
	client *plugin.Client
	cmd    *exec.Cmd
	dir    string
}

// startWire launches the echo example, with a lane or with control alone.
func startWire(lane bool) (plane, error) {
	dir, err := os.MkdirTemp("", "jackfield-bench-")
	if err != nil {
		return nil, err
	}
	o := &ours{cmd: exec.Command(os.Getenv(envEcho)), dir: dir}
	config := wire.ClientConfig(maxMessage)
	config.Cmd = o.cmd
	config.Logger = slogbridge.Hclog(slog.New(slog.DiscardHandler))
	config.Stderr = io.Discard
	var lanes *wire.Lanes
	if lane {
		if lanes, err = wire.NewLanes(); err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		o.cmd.ExtraFiles = lanes.ChildFiles()
		o.cmd.Env = append(o.cmd.Env, lanes.Env()...)
	}
	o.client = plugin.NewClient(config)
	if o.child, err = wire.Connect(o.client, lanes); err == nil {
		err = o.introduce()
	}
	if err != nil {
		o.close()
		return nil, fmt.Errorf("starting %s: %w", o.cmd.Path, err)
	}
	return o, nil
}

// introduce does what the host does before it sends requests.
func (o *ours) introduce() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, can, err := o.child.Describe(ctx, map[string]string{
		"extension_class":    "examples.echo.EchoExtension",
		"extension_request":  echoType,
		"extension_response": "examples.echo.EchoResponse",
		"extension_name":     "Echo",
		"extension_version":  "1.0.0",
	})
	if err != nil {
		return err
	}
	if err := o.child.Init(ctx, wire.InitArgs{DataDir: o.dir, BundleDir: o.dir, LogLevel: slog.LevelInfo}); err != nil {
		return err
	}
	if err := o.child.Check(ctx); err != nil || !can.Activate {
		return err
	}
	return o.child.Activate(ctx)
}

func (o *ours) caller(id, payload int) func(ctx context.Context) error {
	req := &sdk.Request{ID: fmt.Sprint("bench-", id), Type: echoType, MediaType: mediaType, Payload: payloadOf(payload)}
	mark := uint64(id) << 40
	return func(ctx context.Context) error {
		mark++
		stamp(req.Payload, mark)
		resp, err := o.child.Process(ctx, req)
		if err != nil {
			return err
		}
		err = checkEcho(req.Payload, resp.Payload)
		resp.Free()
		return err
	}
}

func (o *ours) childPID() int { return o.cmd.Process.Pid }

func (o *ours) close() {
	if o.cmd.Process != nil {
		// Kill waits for an answer of the child without a deadline.
		hurry := time.AfterFunc(5*time.Second, func() { o.cmd.Process.Kill() })
		defer hurry.Stop()
	}
	o.client.Kill()
	if o.child != nil {
		o.child.Close()
	}
	os.RemoveAll(o.dir)
}
