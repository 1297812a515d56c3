package services

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// BenchmarkStore is what one operation on a store costs, without the wire.
func BenchmarkStore(b *testing.B) {
	dir := b.TempDir()
	s := New(Config{
		Dir: func(id string) string { return filepath.Join(dir, id) }, Quota: func(string) int64 { return DefaultQuota },
		Log: slog.New(slog.DiscardHandler),
	})
	defer s.Close()
	kv := access(s, id)
	value := make([]byte, 1<<10)
	var n atomic.Int64
	key := func() string { return fmt.Sprintf("key/%04d", n.Add(1)%1000) }
	for range 1000 {
		if _, err := kv.Put(b.Context(), key(), value, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("put 1 KiB", func(b *testing.B) {
		for b.Loop() {
			if _, err := kv.Put(b.Context(), key(), value, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get 1 KiB", func(b *testing.B) {
		for b.Loop() {
			if _, err := kv.Get(b.Context(), key()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
