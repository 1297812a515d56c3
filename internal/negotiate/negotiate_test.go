package negotiate

import (
	"net/http"
	"strings"
	"testing"
)

func TestTakesGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "gzip": true, "GZip": true, "x-gzip": true, "*": true, "identity": false, "br, gzip": true, "br,deflate": false,
		"gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=0.001": true, "gzip;Q=1": true, "gzip;q=1.000": true, "gzip ; q = 0.5": true,
		"*;q=0": false, "*;q=0.1": true, "gzip;q=0, *": false, "*, gzip;q=0": false, "*;q=0, gzip": true, "identity;q=0, *": true,
		"gzip;q=1.5": false, "gzip;q=-1": false, "gzip;q=0.0001": false, "gzip;q=": false, "gzip;q=x": false, "gzip;level=9": false,
		"gzipped": false, "not gzip": false, ";": false, ",,,": false, "gzip;q=0.5;x": false,
	} {
		if got := TakesGzip(http.Header{"Accept-Encoding": {value}}); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
	if !TakesGzip(http.Header{"Accept-Encoding": {"br", "gzip"}}) {
		t.Error("two headers")
	}
}

// FuzzTakesGzip: a coding that does not stand in the header is not taken, and one
// that is refused is not either.
func FuzzTakesGzip(f *testing.F) {
	f.Add("gzip;q=0.5, *")
	f.Fuzz(func(t *testing.T, value string) {
		taken := TakesGzip(http.Header{"Accept-Encoding": {value}})
		if taken && !strings.Contains(strings.ToLower(value), "gzip") && !strings.Contains(value, "*") {
			t.Errorf("%q", value)
		}
		if TakesGzip(http.Header{"Accept-Encoding": {value, "gzip;q=0"}}) {
			t.Errorf("%q, then refused", value)
		}
	})
}
