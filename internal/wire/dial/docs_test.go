package dial

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// The example of docs/DIAL.md is read as the page says, and written the same again.
func TestExampleOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/DIAL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "## An example")
	want := []message{
		{kind: kindAsk, id: 258, timeout: 1000, text: "a.test:80"},
		{kind: kindFailed, id: 258, code: codeNumber("permission_denied"), text: "no"},
		{kind: kindDone, id: 258},
	}
	for part := range strings.SplitSeq(strings.TrimSpace(example), "\n\n") {
		var packet []byte
		for line := range strings.SplitSeq(part, "\n") {
			if digits, ok := strings.CutPrefix(line, "    "); ok {
				digits, _, _ = strings.Cut(digits, "      ")
				b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				packet = append(packet, b...)
			}
		}
		if packet == nil {
			continue
		}
		if len(want) == 0 {
			t.Fatalf("one packet too many: %x", packet)
		}
		if m, err := parseMessage(packet); err != nil || m != want[0] || string(m.append(nil)) != string(packet) {
			t.Errorf("got %+v, %v, want %+v", m, err, want[0])
		}
		want = want[1:]
	}
	if len(want) != 0 {
		t.Errorf("the page does not show %+v", want)
	}
}
