package authority_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// A host that trusts itself for a start: an authority of its own, whose root it puts
// among those that it trusts, and a key and a chain for each extension that it ships.
func Example() {
	home, err := os.MkdirTemp("", "home-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	o := authority.Options{Name: "Local authority", Kind: keyfile.ECDSAP256, Passphrase: []byte(rand.Text())}
	a, err := authority.Init(filepath.Join(home, "ca"), o)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "local.pem"), a.RootPEM(), 0o644); err != nil {
		log.Fatal(err)
	}
	o.Name = "Local publisher"
	org, err := a.AddOrganization("local.invalid", o)
	if err != nil {
		log.Fatal(err)
	}
	issued, err := org.Issue("org.acme.Hello", authority.IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(issued.Key != nil, len(issued.Chain), issued.Chain[0].URIs[0])
	// Output: true 3 jmap-ext://local.invalid/org.acme.Hello
}
