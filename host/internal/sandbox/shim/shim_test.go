package shim

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func goodPolicy() Policy {
	return Policy{
		Host: 7, Args: []string{"/x", "y"}, Inherit: 5, User: 1_900_000_001, Filter: true,
		Limits: []Limit{{Resource: 7, Value: 1024}}, Files: &Files{Read: []string{"/a"}, Write: []string{"/b"}},
	}
}

func TestPolicyIsReadAsItWasWritten(t *testing.T) {
	data, err := (&[]Policy{goodPolicy()}[0]).encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodePolicy(data)
	if err != nil || again.User != 1_900_000_001 || again.Args[1] != "y" || again.Files.Write[0] != "/b" || !again.Filter {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestPoliciesThatAreNone(t *testing.T) {
	for name, spoil := range map[string]func(*Policy){
		"without a host":            func(p *Policy) { p.Host = 0 },
		"without arguments":         func(p *Policy) { p.Args = nil },
		"a zero byte":               func(p *Policy) { p.Args[0] = "a\x00b" },
		"too many descriptors":      func(p *Policy) { p.Inherit = 65 },
		"a negative number":         func(p *Policy) { p.Inherit = -1 },
		"a uid that is an error":    func(p *Policy) { p.User = 1<<32 - 1 },
		"an unknown resource":       func(p *Policy) { p.Limits[0].Resource = 99 },
		"a relative path":           func(p *Policy) { p.Files.Read[0] = "a" },
		"too long":                  func(p *Policy) { p.Args = []string{strings.Repeat("x", MaxPolicy)} },
		"a sweep of the host's own": func(p *Policy) { p.Sweep, p.User = true, 0 },
	} {
		p := goodPolicy()
		spoil(&p)
		if _, err := p.encode(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	data, err := (&[]Policy{goodPolicy()}[0]).encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "more": string(data) + "{}", "an unknown field": strings.Replace(string(data), `"filter"`, `"filters"`, 1),
		"half": string(data[:len(data)/2]), "an array": "[]", "null": "null",
	} {
		if p, err := decodePolicy([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", name, p)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	p := goodPolicy()
	data, err := p.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"host":1,"args":["x"],"inherit":0,"limits":null,"user":0,"files":null,"filter":false}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodePolicy(data)
		if err != nil {
			return
		}
		if p.Host <= 0 || p.Inherit < 0 || p.Sweep && p.User == 0 || !p.Sweep && len(p.Args) == 0 {
			t.Errorf("%q is taken", data)
		}
		if _, err := p.encode(); err != nil && len(data) <= MaxPolicy/8 {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

func TestReports(t *testing.T) {
	if err := readReport([]byte("exec\n")); err != nil {
		t.Error(err)
	}
	var f *Failure
	err := readReport([]byte("exec\n" + `{"step":"exec","errno":8}`))
	if !errors.As(err, &f) || !errors.Is(err, syscall.ENOEXEC) || f.Step != StepExec {
		t.Errorf("%v", err)
	}
	err = readReport([]byte(`{"step":"user","what":"setresuid 5","errno":1}`))
	if !errors.As(err, &f) || errors.Is(err, syscall.EPERM) || err.Error() != "giving it a user of its own (setresuid 5): operation not permitted" {
		t.Errorf("an error of the sandbox is taken for one of the executable, or badly said: %v", err)
	}
	for _, text := range []string{"", "exe", "{}", `{"step":"user"}{}`, `{"step":"user","more":1}`, "exec\nexec\n"} {
		if err := readReport([]byte(text)); err == nil || errors.As(err, &f) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("exec\n"))
	f.Add([]byte(`{"step":"user","what":"setresuid 5","errno":1}`))
	f.Add([]byte("exec\n" + `{"step":"exec","errno":8}`))
	f.Fuzz(func(t *testing.T, said []byte) {
		err := readReport(said)
		if (err == nil) != (string(said) == aboutToExec) {
			t.Errorf("%q is taken for an executable that runs, or not: %v", said, err)
		}
		if err != nil && err.Error() == "" {
			t.Error("an error says nothing")
		}
	})
}

// Without a call of Enter there is nothing to start as a shim.
func TestNoProgramIsNoShim(t *testing.T) {
	able, err := Trial(Program{}, 0, func(Policy) error {
		t.Error("it is started all the same")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"confine": able.Confine, "files": able.Files, "filter": able.Filter, "user": able.User} {
		if err == nil {
			t.Errorf("%s is said to be possible", name)
		}
	}
}
