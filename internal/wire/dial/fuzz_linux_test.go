package dial

import (
	"errors"
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// FuzzHost sends a host whatever messages: it ends when they do, or says that they
// break the format; and without a grant nothing is dialled.
func FuzzHost(f *testing.F) {
	f.Add(ask(1, "127.0.0.1:80"), ask(2, "example.org:443"))
	f.Add(ask(1, "127.0.0.1:80"), message{kind: kindCancel, id: 1}.append(nil))
	f.Add([]byte{}, []byte{1, 2, 0, 0})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var reports dialReports
		child, ended := hostOf(t, Config{Ended: reports.add})
		for _, m := range [][]byte{first, second} {
			_, _, _ = child.WriteMsgUnix(m[:min(len(m), 2*maxMessage)], nil, nil) // the host may have left
		}
		child.Close()
		var broken *FormatError
		if err := ended(); err != nil && !errors.As(err, &broken) {
			t.Errorf("an error of another kind: %v", err)
		}
		if reports.count("") != 0 {
			t.Error("something was dialled")
		}
	})
}

// FuzzChild answers a child with whatever: its dial ends with an error that says
// something.
func FuzzChild(f *testing.F) {
	f.Add(message{kind: kindFailed, id: 1, code: 2, text: "no"}.append(nil))
	f.Add(message{kind: kindDone, id: 1}.append(nil))
	f.Add(ask(1, "a:1"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		host, child := barePair(t)
		d := NewDialer(child)
		defer d.Close()
		go func() {
			defer host.Close()
			buf := make([]byte, maxMessage)
			if _, err := receiveAsk(host, buf); err == nil {
				_, _, _ = host.WriteMsgUnix(answer[:min(len(answer), 2*maxMessage)], nil, nil)
			}
		}()
		conn, err := d.DialContext(t.Context(), "tcp", "a:1")
		var e *sdk.Error
		if conn != nil || !errors.As(err, &e) || !slices.Contains(sdk.Codes(), e.Code) {
			t.Errorf("got %v, %v", conn, err)
		}
	})
}
