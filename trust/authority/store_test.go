package authority

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// TestIssueStore: what the root certifies as a store is one to package trust and to OpenSSL, is
// listed as one, and can be revoked.
func TestIssueStore(t *testing.T) {
	a, _ := newAuthority(t, "http://ca.acme.example")
	issued, err := a.IssueStore(host, IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	roots := &trust.Roots{Certificates: issued.Chain[1:]}
	if got, err := trust.JudgeStore(issued.Chain, roots, time.Now()); err != nil || got != host {
		t.Fatalf("judged %q, %v", got, err)
	}
	if list := issued.Chain[0].CRLDistributionPoints; len(list) != 1 || list[0] != "http://ca.acme.example/crl/root.crl" {
		t.Errorf("its lists are at %q", list)
	}
	file := filepath.Join(t.TempDir(), "store.pem")
	if err := os.WriteFile(file, encodePEM(issued.Chain[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("openssl", "verify", "-x509_strict", "-CAfile", filepath.Join(a.Root().dir, certificateFile), file).CombinedOutput()
	if err != nil {
		t.Errorf("openssl: %v: %s", err, out)
	}
	out, err = exec.Command("openssl", "x509", "-in", file, "-noout", "-text").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "URI:jmap-store://"+host) || !strings.Contains(string(out), "1.3.6.1.5.5.7.3.36") {
		t.Errorf("openssl: %v: %s", err, out)
	}

	// The organization of the same host is another thing.
	records, err := a.Root().Records()
	slices.SortFunc(records, func(x, y Record) int { return strings.Compare(x.Name(), y.Name()) })
	if err != nil || len(records) != 2 || records[0].Store || !records[1].Store || records[1].Name() != "jmap-store://"+host || records[0].Name() != host {
		t.Fatalf("records %+v, %v", records, err)
	}
	if _, err := a.Root().Revoke(records[1].Serial(), revocation.KeyCompromise); err != nil {
		t.Fatal(err)
	}
	list, err := a.Root().UpdateCRL(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	roots.CRLs = []revocation.CRL{{Name: "root.crl", List: list}}
	var e *trust.StoreError
	if _, err := trust.JudgeStore(issued.Chain, roots, time.Now()); !errors.As(err, &e) || e.Code != trust.CodeRevoked {
		t.Errorf("after its revocation: %v", err)
	}
	if _, err := a.IssueStore(host, IssueOptions{Public: issued.Key.Public()}); code(err) != CodeRevoked {
		t.Errorf("a key that others have is certified again: %v", err)
	}
	if _, err := a.IssueStore("Acme.example", IssueOptions{Kind: keyfile.ECDSAP256}); code(err) != CodeInvalid {
		t.Errorf("a store without a host name: %v", err)
	}
	if _, err := a.IssueStore(host, IssueOptions{Public: a.Root().Certificate().PublicKey}); code(err) != CodeInvalid {
		t.Errorf("a store with the root's key: %v", err)
	}
}
