// Command words is an extension that counts words, and counts how many it has counted:
// metrics of its own, which the host shows in its /metrics.
package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// buckets are the upper bounds of the histogram, in words; the last one, +Inf, is implied.
var buckets = [...]int{1, 10, 100, 1000, 10000}

// words is the extension. Its zero value has counted nothing.
type words struct {
	mu    sync.Mutex // guards what follows
	texts int
	words int
	fit   [len(buckets)]int // texts of at most so many words
}

type request struct {
	Text string `json:"text"`
}

type response struct {
	Words int `json:"words"`
}

func (w *words) count(_ context.Context, in request) (response, error) {
	n := len(strings.Fields(in.Text))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts++
	w.words += n
	for i, most := range buckets {
		if n <= most {
			w.fit[i]++
		}
	}
	return response{n}, nil
}

// Collect writes what was measured in the format of Prometheus.
func (w *words) Collect(context.Context) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# HELP words_counted_total Words in all texts.\n# TYPE words_counted_total counter\nwords_counted_total %d\n", w.words)
	b.WriteString("# HELP words_text_words Words of one text.\n# TYPE words_text_words histogram\n")
	for i, most := range buckets {
		fmt.Fprintf(&b, "words_text_words_bucket{le=\"%d\"} %d\n", most, w.fit[i])
	}
	fmt.Fprintf(&b, "words_text_words_bucket{le=\"+Inf\"} %d\nwords_text_words_sum %d\nwords_text_words_count %d\n", w.texts, w.words, w.texts)
	return b.Bytes(), nil
}

// Handlers implements sdk.Extension.
func (w *words) Handlers() []sdk.Handler {
	return []sdk.Handler{sdk.Handle("examples.words.CountRequest", "examples.words.CountResponse", w.count)}
}

func main() { serve.Main(new(words)) }
