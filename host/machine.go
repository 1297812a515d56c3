package host

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/admission"
	"github.com/jackfield-host/jackfield/trust"
)

func (h *Host) about(context.Context) About {
	return About{
		Version: h.cfg.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: kernel(),
		PID: os.Getpid(), Started: h.started.UTC(), Home: string(h.home),
		Machine: h.machine(), Trust: h.trustFacts(), Database: h.databaseFacts(), Disk: diskOf(string(h.home)), Counts: h.counts(),
	}
}

// kernel is the release of the running kernel, "" where it is not told.
func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

func (h *Host) machine() Machine {
	m := Machine{CPUs: runtime.GOMAXPROCS(0), Sandbox: []Protection{}}
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil {
		m.OpenFiles = files.Cur
	}
	holds, protections, landlock, err := h.supervisor.Able()
	m.LimitsBy = map[string]string{
		"memory": string(holds.Memory.By), "processes": string(holds.Processes.By),
		"files": string(holds.Files.By), "data": string(holds.Data.By),
	}
	if err != nil {
		m.Untried = err.Error()
		return m
	}
	m.Landlock, m.Sandbox = landlock, append(m.Sandbox, protections...)
	return m
}

func (h *Host) trustFacts() TrustFacts {
	t := h.cfg.Trust
	f := TrustFacts{
		Policy:     cmp.Or(t.Policy, string(admission.Require)),
		Revocation: cmp.Or(t.Revocation, string(trust.Hard)),
		OnRevoked:  cmp.Or(t.OnRevoked, string(admission.Stop)), RecheckInSeconds: int64(cmp.Or(t.Recheck, time.Hour) / time.Second),
		Folder: h.home.Trust(), Roots: []Root{}, Problems: []string{},
	}
	f.Roots = append(f.Roots, h.roots()...)
	_, problems := h.admission.Roots()
	for _, p := range problems {
		f.Problems = append(f.Problems, p.Error())
	}
	return f
}

// roots are the certificates that are trusted.
func (h *Host) roots() []Root {
	var list []Root
	roots, _ := h.admission.Roots()
	for _, cert := range roots.Certificates {
		list = append(list, rootOf(trust.Describe(cert), "bundles"))
	}
	for _, cert := range roots.Timestamp {
		list = append(list, rootOf(trust.Describe(cert), "timestamps"))
	}
	return list
}

func rootOf(c trust.Certificate, use string) Root {
	return Root{Subject: c.Subject, Use: use, NotAfter: c.NotAfter.UTC(), Fingerprint: c.Fingerprint}
}

func (h *Host) databaseFacts() DatabaseFacts { return h.home.databaseFacts() }

// databaseFacts are read from the file system alone, whether a host runs or not.
func (h Home) databaseFacts() DatabaseFacts {
	d := DatabaseFacts{Path: h.Database()}
	for _, file := range []string{d.Path, d.Path + "-wal"} {
		if info, err := os.Stat(file); err == nil {
			d.Bytes += info.Size()
		}
	}
	entries, err := os.ReadDir(h.Backups())
	if err != nil {
		return d
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".db" || strings.HasPrefix(e.Name(), ".") {
			continue // one that is being made
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		d.Backups++
		if made := info.ModTime().UTC(); d.LastBackup == nil || made.After(*d.LastBackup) {
			d.LastBackup = &made
		}
	}
	return d
}

func diskOf(path string) Disk {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) != nil {
		return Disk{}
	}
	return Disk{FreeBytes: uint64(fs.Bavail) * uint64(fs.Bsize), TotalBytes: fs.Blocks * uint64(fs.Bsize)}
}

func (h *Host) counts() Counts {
	c := Counts{States: map[State]int{}}
	for _, r := range *h.rows.Load() {
		c.States[r.State]++
		if r.edition == nil && r.ID == r.File {
			c.Files++
		} else {
			c.Extensions++
		}
	}
	for _, route := range h.router.Types() {
		if route.Listed() {
			c.Types++
		}
	}
	return c
}
