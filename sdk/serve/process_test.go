package serve_test

import (
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk/sdktest"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

func TestMain(m *testing.M) {
	switch mode := os.Getenv("SERVE_TEST_MODE"); mode {
	case "":
		os.Exit(m.Run())
	case "probe":
		serve.Main(sdktest.Probe())
	default:
		serve.Play(mode)
	}
}

// The whole suite of the wire, over a real process with its handshake and TLS.
func TestConformAcrossProcesses(t *testing.T) {
	for _, kind := range []string{"lane", "control"} {
		t.Run(kind, func(t *testing.T) { conformAcrossProcesses(t, kind == "lane") })
	}
}

func conformAcrossProcesses(t *testing.T, overLane bool) {
	sdktest.ConformWire(t, func(t *testing.T, opts ...sdktest.Option) *sdktest.Extension {
		config := wire.ClientConfig(sdktest.MaxPayload)
		config.Logger = slogbridge.Hclog(slog.New(slog.DiscardHandler))
		config.StartTimeout = 20 * time.Second
		config.Cmd = exec.Command(os.Args[0])
		config.Cmd.Env = []string{"SERVE_TEST_MODE=probe", "TMPDIR=" + t.TempDir()}
		var lanes *wire.Lanes
		if overLane {
			var err error
			if lanes, err = wire.NewLanes(); err != nil {
				t.Fatal(err)
			}
			config.Cmd.ExtraFiles = lanes.ChildFiles()
			config.Cmd.Env = append(config.Cmd.Env, lanes.Env()...)
		}
		c := plugin.NewClient(config)
		child, err := wire.Connect(c, lanes)
		if err != nil {
			c.Kill()
			t.Fatal(err)
		}
		e := sdktest.Attach(t, child, func() { c.Kill(); child.Close() }, opts...)
		if child.OnLane() != overLane {
			t.Errorf("on the lane: %t", child.OnLane())
		}
		return e
	})
}
