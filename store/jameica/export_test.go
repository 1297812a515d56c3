package jameica

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tree is a document as testdata/Peer.java writes it down.
func Tree(data []byte) (string, error) {
	root, _, err := parse(data, DefaultLimits())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	root.dump(&b)
	return b.String(), nil
}

func (e *element) dump(b *strings.Builder) {
	b.WriteString("<" + e.name)
	for _, name := range slices.Sorted(maps.Keys(e.attrs)) {
		fmt.Fprintf(b, " %s=%s|", name, e.attrs[name])
	}
	b.WriteString(">" + e.text)
	for _, c := range e.children {
		if !strings.Contains(c.name, ":") {
			c.dump(b)
		}
	}
	b.WriteString("</>")
}
