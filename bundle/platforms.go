package bundle

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// platform is a target of Go and the entry of the executable for it.
type platform struct {
	os, arch string
	entry    string
}

func (p platform) String() string { return p.os + "-" + p.arch }

// Platforms lists the platforms with an executable, sorted, as "linux-amd64". It is
// empty for a classic JAR of classes. For an extension_exec that leaves out ${os} or
// ${arch}, the platforms that Go knows are listed.
func (v *Verified) Platforms() []string {
	list := make([]string, len(v.platforms))
	for i, p := range v.platforms {
		list[i] = p.String()
	}
	return list
}

// Executable returns the entry of the executable for a platform, in Go's names; ok is
// false when the bundle has none.
func (v *Verified) Executable(goos, goarch string) (entry string, ok bool) {
	return executable(v.file, v.manifest, goos, goarch)
}

func executable(f *File, m *Manifest, goos, goarch string) (string, bool) {
	path := m.ExecPath(goos, goarch)
	i, ok := f.byName[path]
	return path, ok && !f.entries[i].Dir
}

// findPlatforms looks for executables by the manifest's pattern.
func findPlatforms(f *File, m *Manifest) []platform {
	if len(m.Exec) > maxPathBytes {
		return nil
	}
	var list []platform
	add := func(goos, goarch string) {
		if path, ok := executable(f, m, goos, goarch); ok {
			list = append(list, platform{goos, goarch, path})
		}
	}
	if strings.Contains(m.Exec, "${os}") && strings.Contains(m.Exec, "${arch}") {
		pattern := execPattern(m.Exec)
		for i := range f.entries {
			if found := pattern.FindStringSubmatch(f.entries[i].Name); found != nil {
				add(found[pattern.SubexpIndex("os")], found[pattern.SubexpIndex("arch")])
			}
		}
	} else {
		for _, target := range targets() {
			goos, goarch, _ := strings.Cut(target, "/")
			add(goos, goarch)
		}
	}
	slices.SortFunc(list, func(a, b platform) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(list)
}

// execPattern finds ${os} and ${arch} in the names of entries; what it finds is put
// back into the path, so a name used twice needs no care here.
func execPattern(exec string) *regexp.Regexp {
	text := regexp.QuoteMeta(exec)
	for _, name := range []string{"os", "arch"} {
		quoted := regexp.QuoteMeta("${" + name + "}")
		text = strings.Replace(text, quoted, "(?P<"+name+">[a-z0-9]+)", 1)
		text = strings.ReplaceAll(text, quoted, "[a-z0-9]+")
	}
	return regexp.MustCompile("^" + text + "$")
}

// targets are the platforms of `go tool dist list` that can run a process.
func targets() []string {
	return strings.Fields(`
		aix/ppc64 android/386 android/amd64 android/arm android/arm64
		darwin/amd64 darwin/arm64 dragonfly/amd64
		freebsd/386 freebsd/amd64 freebsd/arm freebsd/arm64 freebsd/riscv64
		illumos/amd64
		linux/386 linux/amd64 linux/arm linux/arm64 linux/loong64 linux/mips linux/mips64
		linux/mips64le linux/mipsle linux/ppc64 linux/ppc64le linux/riscv64 linux/s390x
		netbsd/386 netbsd/amd64 netbsd/arm netbsd/arm64
		openbsd/386 openbsd/amd64 openbsd/arm openbsd/arm64 openbsd/ppc64 openbsd/riscv64
		plan9/386 plan9/amd64 plan9/arm solaris/amd64
		windows/386 windows/amd64 windows/arm64`)
}
