package main_test

import (
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

// cmdJPL: jpl writes archives for Jami into the folder of the script: Greenery.jpl, which is
// signed now, under the root in roots/jami.pem; twice.jpl, the same with a second library
// that nobody signed; later.jpl, in which a file would be lost.
func cmdJPL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: jpl")
	}
	root, signer := jpltest.At(time.Now())
	twice := jpltest.Good(jpltest.By(signer))
	twice.Sealed = func(z *bundletest.Archive) {
		z.Entries = append(z.Entries, bundletest.Entry{Name: jpltest.Library, Data: []byte(jpltest.Evil)})
	}
	ts.Check(os.MkdirAll(ts.MkAbs("roots"), 0o700))
	for name, data := range map[string][]byte{
		"Greenery.jpl":   jpltest.Good(jpltest.By(signer)).Build(),
		"later.jpl":      jpltest.Good(jpltest.By(signer), jpltest.WithFile("data/models/resource.json", []byte("{}"))).Build(),
		"twice.jpl":      twice.Build(),
		"roots/jami.pem": bundletest.ChainPEM(root.Certificate),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
	}
}
