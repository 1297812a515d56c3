package cacmd

import (
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// splitName reads HOST/ID, which is what stands behind jmap-ext:// in a certificate, or
// HOST alone.
func splitName(name string) (host, id string) {
	host, id, _ = strings.Cut(strings.TrimPrefix(name, "jmap-ext://"), "/")
	return host, id
}

// extensionName reads HOST/ID and nothing less.
func extensionName(name string) (host, id string, err error) {
	host, id = splitName(name)
	if host == "" || id == "" {
		return "", "", output.Usagef("write it as acme.example/org.acme.Hello: the host of the organization, and the extension's id", "%q names no extension", name)
	}
	return host, id, nil
}

// find returns the CA of a name: the root's or a host.
func find(a *authority.Authority, name string) (*authority.CA, error) {
	if name == authority.RootName {
		return a.Root(), nil
	}
	org, err := a.Organization(name)
	if err != nil {
		return nil, explain(err)
	}
	return org.CA, nil
}

// all returns every CA, the root first.
func all(a *authority.Authority) ([]*authority.CA, error) {
	hosts, err := a.Organizations()
	if err != nil {
		return nil, explain(err)
	}
	cas := []*authority.CA{a.Root()}
	for _, host := range hosts {
		ca, err := find(a, host)
		if err != nil {
			return nil, err
		}
		cas = append(cas, ca)
	}
	return cas, nil
}
