package store_test

import (
	"testing"

	"github.com/jackfield-host/jackfield/store"
)

func TestFoldID(t *testing.T) {
	for _, ids := range [][]string{
		{"org.acme.Hello", "org-acme-hello", "ORG_ACME_HELLO", "orgacmehello"},
		{"org.acme.Hello2", "org.acme.hello_2"},
	} {
		for _, id := range ids[1:] {
			if store.FoldID(id) != store.FoldID(ids[0]) {
				t.Errorf("%s and %s are two ids, want one", id, ids[0])
			}
		}
	}
	if store.FoldID("org.acme.$a") == store.FoldID("org.acme.a") {
		t.Error("a dollar sign is left out, want it kept: classes differ by it")
	}
}
