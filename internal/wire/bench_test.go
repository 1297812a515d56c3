package wire

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/sdk"
)

// BenchmarkProcess measures one request through a real child: on the lane, and over the
// control connection, with TLS.
func BenchmarkProcess(b *testing.B) {
	for _, way := range []string{"lane", "control"} {
		var lanes *Lanes
		if way == "lane" {
			var err error
			if lanes, err = NewLanes(); err != nil {
				b.Fatal(err)
			}
		}
		c := launchLanes("serve", lanes, slog.New(slog.DiscardHandler), slogbridge.NewLines(slog.New(slog.NewTextHandler(io.Discard, nil))))
		b.Cleanup(c.Kill)
		child, err := Connect(c, lanes)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := child.Describe(b.Context(), map[string]string{"extension_request": "x.Base"}); err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{100, 1 << 10, 64 << 10, 1 << 20} {
			req := &sdk.Request{ID: "r", Type: "x.Echo", MediaType: "application/json", Payload: make([]byte, size)}
			for _, callers := range []int{1, 16, 256} {
				b.Run(fmt.Sprintf("%s/%dB/callers=%d", way, size, callers), func(b *testing.B) {
					benchmarkProcess(b, child, req, callers)
				})
			}
		}
	}
}

func benchmarkProcess(b *testing.B, child *Child, req *sdk.Request, callers int) {
	b.ReportAllocs()
	b.SetBytes(int64(len(req.Payload)))
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
				resp, err := child.Process(ctx, req)
				cancel()
				if err != nil {
					b.Error(err)
					return
				}
				resp.Free()
			}
		})
	}
	wg.Wait()
}
