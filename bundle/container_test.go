package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// verify does what Inspect does, on bytes.
func verify(data []byte, limits bundle.Limits) (*bundle.Verified, error) {
	f, err := bundle.NewFile(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		return nil, err
	}
	return bundle.Verify(context.Background(), f)
}

func TestHostile(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range hostile() {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			_, err := verify(c.Bytes, c.Limits)
			var e *bundle.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want %s", err, c.Code)
			}
			if e.Code != c.Code || e.Entry != c.Entry {
				t.Errorf("got %v (entry %q), want %s of entry %q", err, e.Entry, c.Code, c.Entry)
			}
			if e.Message == "" {
				t.Errorf("no message")
			}
		})
	}
}

func TestHostileCoversEveryCode(t *testing.T) {
	cases := hostile()
	missing := slices.DeleteFunc(bundle.Codes(), func(code bundle.Code) bool {
		return code == bundle.CodeUnreadable || // TestUnreadable
			slices.ContainsFunc(cases, func(c bundletest.Case) bool { return c.Code == code })
	})
	if len(missing) > 0 {
		t.Errorf("no hostile file for %v", missing)
	}
}

// hostile are all files that must be refused, made once. Nobody changes them.
var hostile = sync.OnceValue(func() []bundletest.Case {
	return slices.Concat(bundletest.Hostile(), bundletest.Limited(), bundletest.Forged())
})
