package guidance

import "testing"

func TestPartsDoNotOverlap(t *testing.T) {
	n := 0
	for _, part := range parts() {
		n += len(part)
	}
	if n != len(Reasons()) {
		t.Errorf("%d codes in the parts, %d in all", n, len(Reasons()))
	}
}
