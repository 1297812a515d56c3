package main

import "slices"

// middle returns the median of all, 0 of none.
func middle(all []float64) float64 { return quantile(all, 0.5) }

// quantile returns the value below which the share q of all lies, between two
// neighbours in proportion, 0 of none.
func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// enough is how many rounds without strangers make the others superfluous.
const enough = 3

// median is the middle of one figure of a contestant's slots.
func (c *cell) median(name string, of func(slot) float64) float64 {
	return middle(values(c.Slots[name], of, c.rounds(name)))
}

// ratios divides over's figure by under's of the same round, for every round that
// counts.
func (c *cell) ratios(over, under string, of func(slot) float64) []float64 {
	var all []float64
	a, b := c.Slots[over], c.Slots[under]
	for _, i := range c.rounds(over, under) {
		if d := of(b[i]); d != 0 {
			all = append(all, of(a[i])/d)
		}
	}
	return all
}

// rounds returns the rounds that all of names have: those without strangers if there
// are enough of them, else all.
func (c *cell) rounds(names ...string) []int {
	var all, clean []int
	for i := range len(c.Slots[names[0]]) {
		have, dirty := true, false
		for _, name := range names {
			have = have && i < len(c.Slots[name])
			dirty = dirty || have && c.Slots[name][i].Dirty
		}
		if !have {
			continue
		}
		all = append(all, i)
		if !dirty {
			clean = append(clean, i)
		}
	}
	if len(clean) >= enough {
		return clean
	}
	return all
}

func values(slots []slot, of func(slot) float64, rounds []int) []float64 {
	var all []float64
	for _, i := range rounds {
		all = append(all, of(slots[i]))
	}
	return all
}
