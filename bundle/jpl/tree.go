package jpl

import (
	"maps"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
)

// Placed is a file of an archive and the path that Jami extracts it to.
type Placed struct{ Entry, Path string }

// Tree is what Jami extracts on a platform, by its name for it, in the order of the file,
// and the files that it leaves out without a word: libraries of other platforms, and
// whatever looks like one.
func (c *contents) Tree(name string) (tree []Placed, dropped []string) {
	for _, e := range c.file.Entries() {
		if e.Dir {
			continue
		}
		if path, ok := c.placed[e.Name].On(name, e.Name); ok {
			tree = append(tree, Placed{e.Name, path})
		} else {
			dropped = append(dropped, e.Name)
		}
	}
	return tree, dropped
}

// checkTree refuses an archive of which Jami would write one file over another, on any of
// its platforms: the last one would win.
func (c *contents) checkTree() error {
	for _, name := range abi.Names() {
		tree, _ := c.Tree(name)
		from := make(map[string]string, len(tree))
		for _, p := range tree {
			key := strings.ToLower(p.Path)
			if other, ok := from[key]; ok {
				return refuse(Code(bundle.CodeDuplicateName), p.Entry, "on %s it would be written over %s", name, quoted(other))
			}
			from[key] = p.Entry
		}
		for path := range from {
			for above := path; strings.Contains(above, "/"); {
				above = above[:strings.LastIndexByte(above, '/')]
				if other, ok := from[above]; ok {
					return refuse(Code(bundle.CodeDuplicateName), from[path], "on %s it would need a folder where %s is", name, quoted(other))
				}
			}
		}
	}
	return nil
}

// libFolders lists the folders of lib, sorted.
func (c *contents) libFolders() []string {
	found := map[string]bool{}
	for name := range c.sums {
		if rest, ok := strings.CutPrefix(name, "lib/"); ok {
			if folder, _, ok := strings.Cut(rest, "/"); ok {
				found[folder] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// ABIs are the folders of lib that Jami knows, sorted.
func (c *contents) ABIs() []string {
	return slices.DeleteFunc(c.libFolders(), func(name string) bool {
		return !abi.Known(name)
	})
}

// Platforms are the platforms of ABIs in our names, sorted.
func (c *contents) Platforms() []string {
	var list []string
	for _, name := range c.ABIs() {
		list = append(list, abi.Platforms(name)...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
