package sdktest

import "testing"

// BenchmarkKeyValueOverTheWire is what asking the host costs, with nothing behind it but a map.
func BenchmarkKeyValueOverTheWire(b *testing.B) {
	k := &kept{}
	Start(b, k, WithKeyValue(NewKeyValue(0)), WithLog(Silent()))
	value := make([]byte, 1<<10)
	b.Run("put 1 KiB", func(b *testing.B) {
		for b.Loop() {
			if _, err := k.setup.KeyValue.Put(b.Context(), "key", value, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get 1 KiB by many", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := k.setup.KeyValue.Get(b.Context(), "key"); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
