package wire

import (
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/sdk"
)

// BenchmarkProcess measures one request through a real child with TLS.
func BenchmarkProcess(b *testing.B) {
	c := launch("serve", slog.New(slog.DiscardHandler), slogbridge.NewLines(slog.New(slog.NewTextHandler(io.Discard, nil))))
	b.Cleanup(c.Kill)
	child, err := Connect(c, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{100, 1 << 10, 1 << 20} {
		req := &sdk.Request{ID: "r", Type: "x.Echo", MediaType: "application/json", Payload: make([]byte, size)}
		for _, callers := range []int{1, 32} {
			b.Run(fmt.Sprintf("%dB/callers=%d", size, callers), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				b.SetParallelism(callers)
				if callers == 1 {
					for b.Loop() {
						if _, err := child.Process(b.Context(), req); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := child.Process(b.Context(), req); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
