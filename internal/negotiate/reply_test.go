package negotiate

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestVary: what an answer depends on already is still said when it is compressed, and
// nothing twice.
func TestVary(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Accept-Language")
	if err := WriteJSON(Reply(w, r, new(Gzip)), http.StatusOK, strings.Repeat("x", 2*WorthIt)); err != nil {
		t.Fatal(err)
	}
	if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Accept-Language", "Accept-Encoding"}) || w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", w.Header())
	}
}
