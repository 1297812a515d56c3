package lane

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
)

// The example of docs/LANE.md is read as the page says.
func TestExampleOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/LANE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "## An example")
	var frames [][]byte
	for part := range strings.SplitSeq(strings.TrimSpace(example), "\n\n") {
		var frame []byte
		for line := range strings.SplitSeq(part, "\n") {
			if digits, ok := strings.CutPrefix(line, "    "); ok {
				digits, _, _ = strings.Cut(digits, "      ")
				b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				frame = append(frame, b...)
			}
		}
		if frame != nil {
			frames = append(frames, frame)
		}
	}
	if len(frames) != 2 {
		t.Fatalf("%d frames", len(frames))
	}
	requests, err := readAll(bytes.NewReader(frames[0]), fromHost, 100)
	if err != io.EOF || len(requests) != 1 {
		t.Fatalf("the request: %v", err)
	}
	if r := requests[0]; r.Request.Type != "x.R" || r.Request.MediaType != mediaJSON || r.Header.id != 258 || r.Payload != "{}" {
		t.Errorf("the request is %+v", r)
	}
	answers, err := readAll(bytes.NewReader(frames[1]), fromChild, 100)
	if err != io.EOF || len(answers) != 1 {
		t.Fatalf("the answer: %v", err)
	}
	if a := answers[0]; a.Answer.Type != "x.A" || a.Answer.MediaType != mediaBytes || a.Header.id != 258 || a.Payload != "ok" {
		t.Errorf("the answer is %+v", a)
	}
}
