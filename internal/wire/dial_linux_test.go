package wire

import (
	"context"
	"testing"

	"github.com/jackfield-host/jackfield/internal/wire/dial"
	"github.com/jackfield-host/jackfield/sdk"
)

// initialised keeps what Init got.
type initialised struct {
	probe
	args InitArgs
}

func (e *initialised) Init(_ context.Context, args InitArgs) error {
	e.args = args
	return nil
}

// Every Init has a DialContext, and it is that of the process's Dialer if there is one.
func TestInitHasADialContext(t *testing.T) {
	ext := new(initialised)
	child, _ := pair(t, ext)
	if err := child.Init(t.Context(), InitArgs{}); err != nil {
		t.Fatal(err)
	}
	_, err := ext.args.DialContext(t.Context(), "tcp", "example.org:443")
	wantError(t, err, sdk.PermissionDenied, "hands out no network connections")

	grants, err := dial.ParseGrants(nil)
	if err != nil {
		t.Fatal(err)
	}
	d, stop, err := dial.Local(dial.Config{Grants: grants}, discard())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	child, _ = pair(t, WithDialer(ext, d))
	if err := child.Init(t.Context(), InitArgs{}); err != nil {
		t.Fatal(err)
	}
	_, err = ext.args.DialContext(t.Context(), "tcp", "example.org:443")
	wantError(t, err, sdk.PermissionDenied, "would need net:example.org:443")
}

// Who does not take the host's end of the dial pair leaves nothing open.
func TestLanesWithoutDials(t *testing.T) {
	lanes, err := NewLanes()
	if err != nil {
		t.Fatal(err)
	}
	ends, err := lanes.Child()
	if err != nil {
		t.Fatal(err)
	}
	defer ends.Close()
	d := dialerOf(ends)
	defer d.Close()
	child := &Child{offered: lanes, max: testMax}
	if err := child.takeLane(0); err != nil {
		t.Fatal(err)
	}
	_, err = d.DialContext(t.Context(), "tcp", "example.org:443")
	wantError(t, err, sdk.Unavailable, "no connections any more")

	if lanes, err = NewLanes(); err != nil {
		t.Fatal(err)
	}
	conn := lanes.DialConn()
	if conn == nil || lanes.DialConn() != nil {
		t.Error("the dial pair is not handed over once")
	}
	lanes.Close()
	if err := conn.Close(); err != nil {
		t.Errorf("what was handed over is closed: %v", err)
	}
}
