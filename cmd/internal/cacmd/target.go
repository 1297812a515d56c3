package cacmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

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

// The kinds of names that commands take.
const (
	root = iota
	hosts
	extensions
	stores
)

// names completes names of these kinds. It says nothing when it fails.
func (at *place) names(kinds ...int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		const rest = cobra.ShellCompDirectiveNoFileComp
		a, err := authority.Open(at.dir, authority.Keys{})
		if err != nil || len(args) > 0 {
			return nil, rest
		}
		cas, err := all(a)
		if err != nil {
			return nil, rest
		}
		var found []string
		for _, ca := range cas {
			ofCA, ofRecords := hosts, func(r authority.Record) bool { return r.ID != "" && slices.Contains(kinds, extensions) }
			if ca.Name() == authority.RootName {
				ofCA, ofRecords = root, func(r authority.Record) bool { return r.Store && slices.Contains(kinds, stores) }
			}
			if slices.Contains(kinds, ofCA) {
				found = append(found, ca.Name())
			}
			records, err := ca.Records()
			if err != nil {
				return nil, rest
			}
			for _, r := range records {
				if r.Revoked == nil && ofRecords(r) {
					found = append(found, r.Name())
				}
			}
		}
		return found, rest
	}
}
