package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets whose width is a 64th of their value or less.
// A goroutine has its own and adds without a lock; nothing grows while it is measured.
type histogram struct {
	counts [(maxBits - fineBits + 1) << fineBits]uint32
	total  uint64
}

const (
	fineBits = 6  // 64 buckets for each doubling
	maxBits  = 37 // of nanoseconds: 137 s and more share the last bucket
)

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
}

// bucket returns the index of the bucket of d. Below 128 ns each nanosecond has its own.
func bucket(d time.Duration) int {
	n := uint64(max(d, 0))
	n = min(n, 1<<maxBits-1)
	shift := max(bits.Len64(n)-fineBits-1, 0)
	return shift<<fineBits + int(n>>shift)
}

// bounds returns the least duration of bucket i and that of the next one.
func bounds(i int) (low, high time.Duration) {
	shift := max(i>>fineBits-1, 0)
	mantissa := i - shift<<fineBits
	return time.Duration(mantissa) << shift, time.Duration(mantissa+1) << shift
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// quantile returns the duration below which the share q of all lies, 0 for none. It
// takes the durations of one bucket for evenly spread.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := q * float64(h.total)
	seen := 0.0
	last := 0
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		last = i
		if seen+float64(n) >= rank {
			low, high := bounds(i)
			return low + time.Duration(float64(high-low)*(rank-seen)/float64(n))
		}
		seen += float64(n)
	}
	_, high := bounds(last)
	return high
}
