package edge

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// defaultTimeout bounds a request when nothing else does.
const defaultTimeout = 30 * time.Second

// requestTimeout reads the header Request-Timeout: seconds as a positive decimal
// number. Above longest it is longest, which also holds when there is no header.
func requestTimeout(h http.Header, longest time.Duration) (time.Duration, error) {
	values := h["Request-Timeout"]
	if len(values) == 0 {
		return longest, nil
	}
	seconds, ok := 0.0, false
	if len(values) == 1 {
		seconds, ok = positive(values[0])
	}
	if !ok {
		return 0, sdk.Errorf(sdk.InvalidArgument, "the header Request-Timeout is %s; it must be a positive number of seconds, 1.5 for one", quote(strings.Join(values, ", ")))
	}
	return atMost(seconds, longest), nil
}

// lineTimeout is the same for the member timeout of a line, nil when there is none.
func lineTimeout(number []byte, longest time.Duration) (time.Duration, error) {
	if number == nil {
		return longest, nil
	}
	seconds, ok := positive(string(number))
	if !ok {
		return 0, sdk.Errorf(sdk.InvalidArgument, "timeout is %s; it must be a positive number of seconds, 1.5 for one", quote(string(number)))
	}
	return atMost(seconds, longest), nil
}

func atMost(seconds float64, longest time.Duration) time.Duration {
	if seconds >= longest.Seconds() {
		return longest
	}
	return max(time.Duration(seconds*float64(time.Second)), 1)
}

// positive parses a decimal number greater than zero. One too large for a float64
// is positive infinity.
func positive(s string) (float64, bool) {
	if len(s) > 64 || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false // what ParseFloat takes beyond that: inf, nan, hexadecimal, underscores
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 1) {
		return 0, false
	}
	return f, f > 0
}
