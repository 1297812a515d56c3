package doctorcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/servecmd"
)

// checkHome says whether the home is there, and safe.
func (e *exam) checkHome(context.Context) {
	if !e.here() {
		return
	}
	at := string(e.home)
	info, err := os.Stat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.addAbout("home", Fail, at, "there is no such folder", "name the home with --home or JMAP_HOME; 'jackfield serve' makes a new one")
		return
	case err != nil:
		e.addAbout("home", Fail, at, err.Error(), "run this as the user of the host, or as root")
		return
	case !info.IsDir():
		e.addAbout("home", Fail, at, "it is no folder", "name the home with --home or JMAP_HOME")
		return
	}
	faults, user := 0, os.Geteuid()
	if user == 0 { // root looks at the home of a service, whose user the host is
		user = e.home.Owner()
	}
	for _, err := range e.home.Faults(user) {
		text, mend, found := strings.Cut(err.Error(), ": ch") // chmod, chown
		if found {
			mend = "ch" + mend
		} else {
			mend = "run this as the user of the host, or as root"
		}
		e.add("home", Fail, text, mend)
		faults++
	}
	for _, dir := range []string{e.home.Extensions(), e.home.Conf(), e.home.Bundles(), e.home.Run()} {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			e.addAbout("home", Note, dir, "it is not there yet", "the host makes it when it starts")
		}
	}
	if faults == 0 {
		e.addAbout("home", OK, at, "it belongs to the host's user, and nobody else can change it", "")
	}
}

const (
	// little is the free space at which things are about to go wrong, least at which they
	// do: the host wants to write before it promises anything.
	little, least = 1 << 30, 100 << 20
	// fewInodes is the same for files that can still be made.
	fewInodes = 10_000
)

// checkDisk looks at the file system of the home; of a host elsewhere, at what it says.
func (e *exam) checkDisk(context.Context) {
	room := "remove old logs, snapshots and removed extensions with their data ('jackfield ext remove ID --purge'), or make the file system larger"
	if !e.here() {
		if e.about != nil {
			e.judgeSpace(e.about.Home, e.about.Disk.FreeBytes, room)
		}
		return
	}
	v, err := e.home.Volume()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			e.add("disk", Warn, err.Error(), "run this as the user of the host, or as root")
		}
		return
	}
	if v.ReadOnly {
		e.add("disk", Fail, "the file system of the home is read-only", "see the kernel's log for why, and mount it writable")
	}
	if v.NoExec {
		e.add("disk", Fail, "the file system of the home is mounted noexec: no extension can be launched from it", "mount it without noexec, or move the home")
	}
	e.judgeSpace(string(e.home), v.FreeBytes, room)
	if v.TotalInodes > 0 && v.FreeInodes < fewInodes {
		e.add("disk", Warn, fmt.Sprintf("only %d more files can be made on the file system of the home", v.FreeInodes), room)
	}
}

func (e *exam) judgeSpace(at string, free uint64, room string) {
	text := fmt.Sprintf("%d MiB are free", free>>20)
	switch {
	case free < least:
		e.addAbout("disk", Fail, at, text, room)
	case free < little:
		e.addAbout("disk", Warn, at, text, room)
	default:
		e.addAbout("disk", OK, at, text, "")
	}
}

// databasePatience bounds the look at all pages of the database.
const databasePatience = time.Minute

// checkDatabase reads the whole database, and says how old its last backup is.
func (e *exam) checkDatabase(ctx context.Context) {
	if !e.here() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	facts, err := e.home.InspectDatabase(ctx, e.report.Running)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.addAbout("database", Note, facts.Path, fmt.Sprintf("it could not be read to its end within %s", databasePatience), "")
	case errors.Is(err, fs.ErrPermission):
		e.addAbout("database", Warn, facts.Path, err.Error(), "run this as the user of the host, or as root")
		return
	case err != nil:
		e.addAbout("database", Fail, facts.Path, err.Error(), "the host replaces a damaged database by its newest backup when it starts, and moves the damaged one aside; copy data/ first if you want to look yourself")
	case facts.Bytes == 0:
		e.addAbout("database", Note, facts.Path, "there is none yet", "the host makes it when it starts")
		return
	default:
		e.addAbout("database", OK, facts.Path, fmt.Sprintf("every page is in order, %d KiB", facts.Bytes>>10), "")
	}
	if facts.LastBackup == nil {
		e.add("database", Note, "there is no backup of it in "+e.home.Backups(), "the host makes one after changes; see whether its disk has room")
		return
	}
	e.add("database", OK, fmt.Sprintf("%d backups, the last of %s", facts.Backups, facts.LastBackup.Local().Format(time.DateTime)), "")
}

// checkConfiguration reads conf/jackfield.properties as the host would.
func (e *exam) checkConfiguration(context.Context) {
	if !e.here() {
		return
	}
	file := e.home.Properties()
	cfg, err := servecmd.Load(servecmd.Sources{File: file, Environ: os.Environ()})
	var wrong *servecmd.ConfigError
	switch {
	case errors.As(err, &wrong):
		for _, p := range wrong.Problems {
			e.add("configuration", Fail, p.String(), "correct it; 'jackfield serve --help' lists every key with its default")
		}
		return
	case err != nil:
		e.addAbout("configuration", Fail, file, err.Error(), "correct it; 'jackfield serve --help' lists every key with its default")
		return
	}
	e.config = &cfg
	set := 0
	for _, s := range cfg.Effective {
		if s.Source != "default" {
			set++
		}
	}
	e.addAbout("configuration", OK, file, fmt.Sprintf("every key is known and its value allowed; %d are set, in the file or the environment of this shell", set), "")
	for _, name := range cfg.Ignored {
		e.addAbout("configuration", Note, name, "no key has this variable of the environment; it is ignored", "")
	}
}

// checkPorts says whether the addresses are free, or ours.
func (e *exam) checkPorts(ctx context.Context) {
	if e.about != nil {
		e.addAbout("ports", OK, e.about.Addresses.Requests, "it is the request listener of this host", "")
		e.addAbout("ports", OK, e.about.Addresses.Admin, "it is the admin listener of this host", "")
		return
	}
	if !e.here() || e.config == nil || e.client != nil {
		return
	}
	for _, p := range []struct{ key, address string }{{"listen", e.config.Listen}, {"admin.listen", e.config.AdminListen}} {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", p.address)
		switch {
		case err == nil:
			ln.Close()
			e.addAbout("ports", OK, p.address, "it is free for "+p.key, "")
		case errors.Is(err, syscall.EADDRINUSE):
			e.addAbout("ports", Fail, p.address, "another process listens there", "find it with 'ss -ltnp' and stop it, or set "+p.key+" to another address")
		case errors.Is(err, syscall.EACCES):
			e.addAbout("ports", Fail, p.address, "this user may not listen there", "set "+p.key+" to a port over 1023")
		default:
			e.addAbout("ports", Fail, p.address, err.Error(), "set "+p.key+" to an address of this machine")
		}
	}
}
