package jpl_test

import (
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

// TestUpdates has version 1.0.1 installed, and says of each next archive what we make of it
// and what a daemon does.
func TestUpdates(t *testing.T) {
	org, key, other := jpltest.Organization(), jpltest.LeafKey(), jpltest.OtherKey()
	renewed := org.Certify(jpltest.ID, key)
	rotated := org.Certify(jpltest.ID, other)
	elsewhere := jpltest.NewOrganization("Other Gardens")
	moved := elsewhere.Certify(jpltest.ID, key)
	foreign := elsewhere.Certify(jpltest.ID, other)
	twin := jpltest.NewOrganization("Acme Gardens").Certify(jpltest.ID, other)
	first := mustVerify(t, jpltest.Good().Build())
	for _, c := range []struct {
		name, hole, version string
		by                  *jpltest.Signer
		code                jpl.Code
		daemon              int
	}{
		{"higher", "", "1.0.2", jpltest.Publisher(), "", 0},
		{"same", "", "1.0.1", jpltest.Publisher(), jpl.CodeSameVersion, 100},
		{"lower", "", "1.0.0", jpltest.Publisher(), jpl.CodeOlderVersion, 200},
		{"higher either way", "", "1.0.10", jpltest.Publisher(), "", 0},
		{"higher as a number alone", "H7", "1.0.09", jpltest.Publisher(), jpl.CodeVersionOrder, 200},
		{"higher as text alone", "H7", "1.00.0", jpltest.Publisher(), jpl.CodeVersionOrder, 0},
		{"more parts", "H7", "1.0.1.1", jpltest.Publisher(), jpl.CodeVersionOrder, 0},
		{"certificate renewed", "H6", "1.0.2", renewed, "", 0},
		{"key rotated", "H6", "1.0.2", rotated, "", 400},
		{"same key, other organization", "", "1.0.2", moved, "", 0},
		{"another organization", "H5", "1.0.2", foreign, jpl.CodePublisherChanged, 400},
		{"another of the same name", "H5", "1.0.2", twin, jpl.CodePublisherChanged, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := jpltest.Good(jpltest.With("version", c.version), jpltest.By(c.by)).Build()
			err := jpl.CheckUpdate(mustVerify(t, data), first.Publisher(), first.Version())
			if jpl.CodeOf(err) != c.code {
				t.Errorf("%v, want %q", err, c.code)
			}
			d := newDaemon()
			if code := d.install(jpltest.Good().Build()); code != 0 {
				t.Fatal(code)
			}
			if code := d.install(data); code != c.daemon {
				t.Errorf("a daemon answers %d, want %d", code, c.daemon)
			}
			if c.hole == "" && c.daemon != 0 && int(c.code.Jami()) != c.daemon {
				t.Errorf("%s stands for %d, a daemon answers %d", c.code, c.code.Jami(), c.daemon)
			}
		})
	}
}

// TestH7Order: 1.9.0 and 1.10.0 cannot both be published: the daemon would call the higher
// one older, while the client offers it.
func TestH7Order(t *testing.T) {
	for _, c := range []struct {
		version   string
		published []string
		code      jpl.Code
	}{
		{"1.10.0", []string{"1.9.0"}, jpl.CodeVersionOrder},
		{"1.10.0", []string{"1.09.0"}, ""},
		{"1.9.1", []string{"1.9.0"}, ""},
		{"2.0.0", []string{"1.9.0", "1.8.0"}, ""},
		{"10.0.0", []string{"9.0.0"}, jpl.CodeVersionOrder},
		{"1.1", []string{"1.0.1"}, jpl.CodeVersionOrder},
		{"1.0.1", []string{"1.0"}, jpl.CodeVersionOrder},
		{"1.01", []string{"1.1"}, jpl.CodeVersionOrder},
		{"1.0.0", []string{"1.0.0"}, jpl.CodeSameVersion},
		{"1.0.0", []string{"0.9.0", "1.0.1"}, jpl.CodeOlderVersion},
		{"1.0.0", []string{"beta"}, jpl.CodeVersionOrder},
		{"beta", nil, jpl.CodeVersionInvalid},
		{"1.0.0-rc.1", nil, jpl.CodeVersionInvalid},
		{"1..0", nil, jpl.CodeVersionInvalid},
		{"", nil, jpl.CodeVersionInvalid},
		{"1", []string{"0"}, ""},
	} {
		v := mustVerify(t, jpltest.Good(jpltest.With("version", c.version)).Build())
		problems, _ := jpl.CheckForStore(v, jpl.Known{Versions: c.published})
		var code jpl.Code
		if len(problems) > 0 {
			code = problems[0].Code
		}
		if code != c.code || len(problems) > 1 {
			t.Errorf("%q after %q: %v, want %q", c.version, c.published, problems, c.code)
		}
	}
}

// TestH5Owner: an id belongs to who published it first.
func TestH5Owner(t *testing.T) {
	owner := mustVerify(t, jpltest.Good().Build()).Publisher()
	foreign := jpltest.NewOrganization("Other Gardens").Certify(jpltest.ID, jpltest.OtherKey())
	next := mustVerify(t, jpltest.Good(jpltest.By(foreign), jpltest.With("version", "2.0.0")).Build())
	problems, _ := jpl.CheckForStore(next, jpl.Known{Publisher: &owner})
	if len(problems) != 1 || problems[0].Code != jpl.CodePublisherChanged {
		t.Errorf("%v", problems)
	}
	// A daemon that has nothing of that id takes either.
	if code := newDaemon().install(jpltest.Good(jpltest.By(foreign)).Build()); code != 0 {
		t.Errorf("%d", code)
	}
	// Where a root certifies signers itself, it certifies many: only the key tells them apart.
	a := mustVerify(t, jpltest.Good(jpltest.By(jpltest.Root().Certify(jpltest.ID, jpltest.LeafKey()))).Build()).Publisher()
	b := mustVerify(t, jpltest.Good(jpltest.By(jpltest.Root().Certify(jpltest.ID, jpltest.OtherKey()))).Build()).Publisher()
	if a.OrganizationKey != "" || a.Same(b) || !a.Same(a) || (jpl.Publisher{ID: "x"}).Same(jpl.Publisher{ID: "x"}) {
		t.Errorf("%+v %+v", a, b)
	}
}
