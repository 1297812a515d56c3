package accounts

import "testing"

func BenchmarkHash(b *testing.B) {
	h := newHasher(fullCost())
	b.ReportAllocs()
	for b.Loop() {
		if right, err := h.check(b.Context(), nil, goodWord); right || err != nil {
			b.Fatal(right, err)
		}
	}
}
