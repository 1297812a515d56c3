package bundle

import (
	"cmp"
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
		for i := range f.entries {
			for _, p := range platformsOf(m.Exec, f.entries[i].Name) {
				add(p.os, p.arch)
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

// maxPlatformName bounds the names of platforms that we do not know.
const maxPlatformName = 16

// platformsOf returns the platforms for which exec, which has both placeholders,
// gives name. No regular expression: one of a hundred placeholders would take that
// many steps for each byte of each name. Where placeholders touch, a name has
// several readings, and the platforms that Go knows are meant.
func platformsOf(exec, name string) []platform {
	first, second := "${os}", "${arch}"
	turned := strings.Index(exec, second) < strings.Index(exec, first)
	if turned {
		first, second = second, first
	}
	start := strings.Index(exec, first)
	if !strings.HasPrefix(name, exec[:start]) {
		return nil
	}
	var list []platform
	for end := start + 1; end <= min(len(name), start+maxPlatformName) && isPlatformChar(name[end-1]); end++ {
		half := strings.ReplaceAll(exec, first, name[start:end])
		at, count := strings.Index(half, second), strings.Count(half, second)
		room := len(name) - len(half) + count*len(second)
		if room <= 0 || room%count != 0 || !strings.HasPrefix(name, half[:at]) {
			continue
		}
		p := platform{os: name[start:end], arch: name[at : at+room/count], entry: name}
		if !all(p.arch, isPlatformChar) || strings.ReplaceAll(half, second, p.arch) != name {
			continue
		}
		if turned {
			p.os, p.arch = p.arch, p.os
		}
		list = append(list, p)
	}
	if len(list) < 2 {
		return list
	}
	known := slices.DeleteFunc(slices.Clone(list), func(p platform) bool {
		return !slices.Contains(targets(), p.os+"/"+p.arch)
	})
	if len(known) > 0 {
		return known
	}
	return list
}

func isPlatformChar(c byte) bool { return 'a' <= c && c <= 'z' || isDigit(c) }

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
