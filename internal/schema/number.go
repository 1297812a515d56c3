package schema

import (
	"bytes"
	"math/big"
	"strconv"
)

// decimal is a JSON number in its one form: ±0.digits × 10^exp without leading or
// trailing zeros in digits; 0 has no digits. Nothing is ever multiplied out, so
// 1e1000000000 costs as little as 1.
type decimal struct {
	negative bool
	digits   []byte
	exp      int64
}

// maxExponent is where exponents saturate, far beyond what any schema asks for.
const maxExponent = 1 << 60

// parseDecimal reads a number that the JSON grammar accepts.
func parseDecimal(raw []byte) decimal { return parseDecimalInto(nil, raw) }

// parseDecimalInto is parseDecimal with room for digits; the decimal is good until
// buf is used again.
func parseDecimalInto(buf, raw []byte) decimal {
	var d decimal
	if raw[0] == '-' {
		d.negative, raw = true, raw[1:]
	}
	if i := bytes.IndexAny(raw, "eE"); i >= 0 {
		d.exp = parseExponent(raw[i+1:])
		raw = raw[:i]
	}
	whole, fraction, _ := bytes.Cut(raw, []byte("."))
	whole = bytes.TrimLeft(whole, "0")
	fraction = bytes.TrimRight(fraction, "0")
	switch {
	case len(whole) == 0:
		trimmed := bytes.TrimLeft(fraction, "0")
		d.exp -= int64(len(fraction) - len(trimmed))
		d.digits = trimmed
	case len(fraction) == 0:
		d.exp += int64(len(whole))
		d.digits = bytes.TrimRight(whole, "0")
	default:
		d.exp += int64(len(whole))
		d.digits = append(append(buf[:0], whole...), fraction...)
	}
	if len(d.digits) == 0 {
		return decimal{}
	}
	return d
}

func parseExponent(b []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimPrefix(b, []byte("+"))), 10, 64)
	if err != nil && b[0] == '-' {
		return -maxExponent
	} else if err != nil {
		return maxExponent
	}
	return max(-maxExponent, min(n, maxExponent))
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return +1
}

func (d decimal) compare(e decimal) int {
	if a, b := d.sign(), e.sign(); a != b || a == 0 {
		return a - b
	}
	order := bytes.Compare(d.digits, e.digits)
	if d.exp > e.exp {
		order = +1
	} else if d.exp < e.exp {
		order = -1
	}
	if d.negative {
		return -order
	}
	return order
}

// isInteger takes 1, 1.0 and 10e-1 alike.
func (d decimal) isInteger() bool { return d.exp >= int64(len(d.digits)) }

// maxDivided bounds the digits that multipleOf divides; beyond, long division
// would cost more than the rest of a validation.
const maxDivided = 1000

// isMultipleOf reports whether d / m is an integer; m is not 0. ok is false when d
// has more than maxDivided significant digits.
func (d decimal) isMultipleOf(m decimal) (multiple, ok bool) {
	if d.sign() == 0 {
		return true, true
	}
	if len(d.digits) > maxDivided || len(m.digits) > maxDivided {
		return false, false
	}
	// d = a × 10^p and m = b × 10^q with integers a, b that 10 does not divide.
	a, _ := new(big.Int).SetString(string(d.digits), 10)
	b, _ := new(big.Int).SetString(string(m.digits), 10)
	power := d.exp - int64(len(d.digits)) - (m.exp - int64(len(m.digits)))
	if power < 0 {
		return false, true // 10 would have to divide a
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(power), b)
	return ten.Mul(ten, a).Mod(ten, b).Sign() == 0, true
}
