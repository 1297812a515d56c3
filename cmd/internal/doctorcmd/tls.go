package doctorcmd

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/https"
)

// checkTLS says whether the listeners can encrypt with what is configured, and for how long
// yet.
func (e *exam) checkTLS(context.Context) {
	if !e.here() || e.config == nil {
		return
	}
	cert, key := e.config.TLSFiles(e.home)
	if cert == "" {
		return
	}
	pair, err := https.Load(cert, key)
	if err != nil {
		level := Fail
		if os.IsPermission(err) { // this may be another user than the host's
			level = Note
		}
		e.addAbout("ports", level, cert, "it cannot be read with its key: "+err.Error(), "tls.cert is a certificate with those that lead to its root behind it, tls.key its key, both in PEM; run this as the user of the host")
		return
	}
	ends := pair.Leaf.NotAfter
	text, renew := "the certificate for https ends on "+ends.Local().Format(time.DateTime), "put a new one there, with its key: it is taken up within seconds"
	switch {
	case ends.Before(e.now):
		e.addAbout("ports", Fail, cert, text, renew)
	case ends.Sub(e.now) < soon/2:
		e.addAbout("ports", Warn, cert, text, renew)
	default:
		e.addAbout("ports", OK, cert, text, "")
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&fs.FileMode(0o007) != 0 {
		e.addAbout("ports", Fail, key, "everybody on this machine can read or change it", "chmod 600 it, and have the certificate made anew if somebody may have read it")
	}
}
