package wire

import (
	"log/slog"
	"testing"
)

// levelled is an extension whose log can change its level, inside of others.
type levelled struct {
	Extension
	level *slog.LevelVar
}

func (l levelled) SetLogLevel(level slog.Level) { l.level.Set(level) }

// wrapped is one that adds nothing.
type wrapped struct{ Extension }

func (w wrapped) Unwrap() Extension { return w.Extension }

func TestAChangedLogLevelTravelsWithTheNextCheck(t *testing.T) {
	is, want := new(slog.LevelVar), new(slog.LevelVar)
	child, _ := pair(t, wrapped{levelled{probe{}, is}})
	is.Set(slog.LevelError)
	if err := child.Check(t.Context()); err != nil || is.Level() != slog.LevelError {
		t.Fatalf("a host that says nothing of a level makes it %v, %v", is.Level(), err)
	}
	child.KeepLevel(want)
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
		want.Set(level)
		if err := child.Check(t.Context()); err != nil || is.Level() != level {
			t.Fatalf("the level is %v, want %v (%v)", is.Level(), level, err)
		}
	}
}

// An extension that knows nothing of levels is as healthy as before.
func TestALogLevelForAnExtensionThatHasNone(t *testing.T) {
	child, _ := pair(t, probe{})
	child.KeepLevel(slog.LevelDebug)
	if err := child.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}
