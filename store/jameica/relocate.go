package jameica

import (
	"maps"
	"slices"
	"strings"
)

// Relocate returns a plugin.xml in which the client sees all that it sees in document, menus
// and messages included, but for the address of the ZIP, which is url. It is written as
// Repository.XML writes: what a store serves beside a ZIP is the one in the ZIP, wherever
// the store is. The document is one that ParseManifest takes.
func Relocate(document []byte, url string, limits Limits) ([]byte, error) {
	if _, err := ParseManifest(document, limits); err != nil {
		return nil, err
	}
	if err := plainAddress(url); err != nil {
		return nil, fault(CodeManifest, "", "url: %v", err)
	}
	root, _, err := parse(document, limits.withDefaults())
	if err != nil {
		return nil, err
	}
	address, err := root.only("url")
	if err != nil {
		return nil, err
	}
	if address == nil {
		address = &element{name: "url"}
		root.children = append(root.children, address)
	}
	address.children, address.text = nil, url
	w := &writer{}
	w.element(root)
	return w.bytes()
}

// element writes a tree as the client sees it: no names with a prefix, and no text beside
// other elements.
func (w *writer) element(e *element) {
	var attrs []string
	for _, name := range slices.Sorted(maps.Keys(e.attrs)) {
		attrs = append(attrs, name, e.attrs[name])
	}
	children := slices.DeleteFunc(slices.Clone(e.children), func(c *element) bool { return strings.Contains(c.name, ":") })
	switch {
	case len(children) > 0:
		w.open(e.name, attrs...)
		for _, c := range children {
			w.element(c)
		}
		w.close(e.name)
	case e.text != "":
		w.text(e.name, e.text, attrs...)
	default:
		w.empty(e.name, attrs...)
	}
}
