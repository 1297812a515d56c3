package catalog

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

func TestWithdraw(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a.jar", parcelBytes("a", "1", 0))
	h.put("b.jar", parcelBytes("b", "1", 0))
	r := h.run(m.install)
	m.healthy(r.runs("a 1", "b 1"))
	h.put("a-0.jar", parcelBytes("a", "0.1", 0))
	h.put("a-bad.jar", cannotRun("a", "9"))
	h.put("garbage.jar", []byte("no archive"))
	r.turned("a-0.jar", lifecycle.Waiting, lifecycle.CodeHeld)
	r.turned("a-bad.jar", lifecycle.Unsupported, lifecycle.CodeNoExecutable)
	h.put("a.jar", []byte("no archive either")) // claims a, which runs on
	r.turned("a.jar", lifecycle.Failed, string(bundle.CodeNotZip))
	files, err := r.Withdraw(t.Context(), "a")
	if err != nil || !slices.Equal(files, []string{"a-0.jar", "a-bad.jar", "a.jar"}) {
		t.Errorf("withdrawn: %q, %v", files, err)
	}
	r.is("b 1")
	if files, err := r.Withdraw(t.Context(), "a"); err != nil || len(files) != 0 {
		t.Errorf("withdrawn again: %q, %v", files, err)
	}
	if err := r.WithdrawFile(t.Context(), "garbage.jar"); err != nil {
		t.Error(err)
	}
	r.runs("b 1")
	for _, name := range []string{"garbage.jar", "../" + "extensions/b.jar", "b", ".hidden.jar", ""} {
		if err := r.WithdrawFile(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	r.stop()
	if _, err := r.Withdraw(t.Context(), "b"); !errors.Is(err, errNotRunning) {
		t.Errorf("after Run: %v", err)
	}
}
