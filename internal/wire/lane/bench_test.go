package lane

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkProcess measures one request through both halves in one process; what it
// says of two processes is said by the bench program.
func BenchmarkProcess(b *testing.B) {
	w := newWorld(b, Config{}, echo)
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		req := request(make([]byte, size))
		for _, callers := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%dB/callers=%d", size, callers), func(b *testing.B) {
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ResetTimer()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
							resp, err := w.Process(ctx, req)
							cancel()
							if err != nil || len(resp.Payload) != size {
								b.Error(err)
								return
							}
							resp.Free()
						}
					})
				}
				wg.Wait()
			})
		}
	}
}
