package servecmd

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/ttytest"
)

// The first password is shown at a terminal, and to nothing else that listens.
func TestGreeting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d := &doors{requests: ln, admins: ln}
	const secret = "abcde-fghij-klmno-pqrst"
	for _, c := range []struct {
		name, password string
		want           bool
	}{{"the first start", secret, true}, {"any other", "", false}} {
		person, tty := ttytest.Open(t, 0, 0)
		greet(tty, host.Home("/srv/jmap"), d, c.password)
		// A terminal hands over what is written in pieces; the folder comes last.
		text, piece := "", make([]byte, 4096)
		for !strings.Contains(text, "drop folder") {
			n, err := person.Read(piece)
			if err != nil {
				t.Fatalf("%s: %v after %q", c.name, err, text)
			}
			text += string(piece[:n])
		}
		if !strings.Contains(text, "/admin/") || !strings.Contains(text, "admin.token") || strings.Contains(text, secret) != c.want {
			t.Errorf("%s: %q", c.name, text)
		}
	}
	var log bytes.Buffer
	greet(&log, host.Home("/srv/jmap"), d, secret)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	greet(w, host.Home("/srv/jmap"), d, secret)
	w.Close()
	if _, err := log.ReadFrom(r); err != nil || log.Len() > 0 {
		t.Errorf("what is no terminal got %q, %v", log.String(), err)
	}
}
