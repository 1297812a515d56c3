package measures

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// hist is a native histogram, or the difference of two. The zero value is empty. Bucket i
// counts what is above base^(i-1) and not above base^i, base being 2^(2^-schema).
type hist struct {
	schema  int32
	zero    uint64 // observations of nothing
	buckets []bucket
}

type bucket struct {
	index int32
	count uint64
}

// parse reads the native half of a histogram, nil being an empty one.
func parse(h *dto.Histogram) hist {
	out := hist{schema: h.GetSchema(), zero: h.GetZeroCount(), buckets: make([]bucket, 0, len(h.GetPositiveDelta()))}
	deltas := h.GetPositiveDelta()
	var index int32
	var count int64
	for _, span := range h.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			if len(deltas) == 0 {
				return out
			}
			count += deltas[0]
			deltas = deltas[1:]
			if count > 0 {
				out.buckets = append(out.buckets, bucket{index, uint64(count)})
			}
			index++
		}
	}
	return out
}

func (h hist) total() uint64 {
	n := h.zero
	for _, b := range h.buckets {
		n += b.count
	}
	return n
}

// coarser returns h with a schema that is not finer than this one. Each step halves the
// number of buckets.
func (h hist) coarser(schema int32) hist {
	if h.schema <= schema {
		return h
	}
	out := hist{schema: schema, zero: h.zero}
	for _, b := range h.buckets {
		index := b.index
		for range h.schema - schema {
			index = (index + 1) >> 1
		}
		if last := len(out.buckets) - 1; last >= 0 && out.buckets[last].index == index {
			out.buckets[last].count += b.count
			continue
		}
		out.buckets = append(out.buckets, bucket{index, b.count})
	}
	return out
}

// since returns what h has that before had not; all of it, when h has begun anew.
func (h hist) since(before hist) hist {
	if before.total() == 0 || h.total() < before.total() {
		return h
	}
	schema := min(h.schema, before.schema)
	now, old := h.coarser(schema), before.coarser(schema)
	out := hist{schema: schema, zero: since(min(old.zero, now.zero), now.zero)}
	for _, b := range now.buckets {
		for len(old.buckets) > 0 && old.buckets[0].index < b.index {
			old.buckets = old.buckets[1:]
		}
		if len(old.buckets) > 0 && old.buckets[0].index == b.index {
			b.count -= min(b.count, old.buckets[0].count)
		}
		if b.count > 0 {
			out.buckets = append(out.buckets, b)
		}
	}
	return out
}

// add adds other to h.
func (h *hist) add(other hist) {
	if other.total() == 0 {
		return
	}
	if h.total() == 0 {
		*h = hist{other.schema, other.zero, slices.Clone(other.buckets)}
		return
	}
	schema := min(h.schema, other.schema)
	a, b := h.coarser(schema), other.coarser(schema)
	sum := hist{schema: schema, zero: a.zero + b.zero, buckets: make([]bucket, 0, len(a.buckets)+len(b.buckets))}
	for len(a.buckets) > 0 || len(b.buckets) > 0 {
		switch {
		case len(b.buckets) == 0 || len(a.buckets) > 0 && a.buckets[0].index < b.buckets[0].index:
			sum.buckets, a.buckets = append(sum.buckets, a.buckets[0]), a.buckets[1:]
		case len(a.buckets) == 0 || b.buckets[0].index < a.buckets[0].index:
			sum.buckets, b.buckets = append(sum.buckets, b.buckets[0]), b.buckets[1:]
		default:
			sum.buckets = append(sum.buckets, bucket{a.buckets[0].index, a.buckets[0].count + b.buckets[0].count})
			a.buckets, b.buckets = a.buckets[1:], b.buckets[1:]
		}
	}
	*h = sum
}

// quantile estimates the value below which the share q of all are, NaN of none. It lies in
// the right bucket, and there where it would if the bucket were filled evenly on a
// logarithmic scale.
func (h hist) quantile(q float64) float64 {
	total := h.total()
	if total == 0 {
		return math.NaN()
	}
	rank := q * float64(total)
	if rank <= float64(h.zero) && h.zero > 0 {
		return 0
	}
	below := float64(h.zero)
	power := math.Ldexp(1, -int(h.schema))
	for i, b := range h.buckets {
		if below+float64(b.count) < rank && i < len(h.buckets)-1 {
			below += float64(b.count)
			continue
		}
		part := min((rank-below)/float64(b.count), 1)
		return math.Exp2((float64(b.index-1) + part) * power)
	}
	return 0
}
