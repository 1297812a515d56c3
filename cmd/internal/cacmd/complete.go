package cacmd

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// completePatience is how long a person who has pressed a key waits.
const completePatience = time.Second

// wanted says what stands in the place of an argument.
type wanted struct {
	root, hosts, extensions, stores bool // by their names
	serials                         bool // of certificates that are not revoked
	below                           bool // HOST/ID of something new: the host is known, the id may be
	several                         bool // any number of them, each once
}

// complete completes arguments from the folder of the authority. It says nothing when it
// fails.
func (at *place) complete(w wanted) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !w.several {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found := soon(func() []string { return at.found(w, typed) })
		found = slices.DeleteFunc(found, func(line string) bool {
			word, _, _ := strings.Cut(line, "\t")
			return !strings.HasPrefix(word, typed) || slices.Contains(args, word)
		})
		if w.below && !strings.Contains(typed, "/") {
			return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSerialOf completes the serial number of a certificate of the extension that the
// first argument names.
func (at *place) completeSerialOf(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	host, id := splitName(args[0])
	found := soon(func() (serials []string) {
		a, err := authority.Open(at.dir, authority.Keys{})
		if err != nil {
			return nil
		}
		ca, err := find(a, host)
		if err != nil {
			return nil
		}
		for _, r := range living(ca) {
			if r.ID == id {
				serials = append(serials, cobra.CompletionWithDesc(r.Serial(), describeRecord(r)))
			}
		}
		return serials
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

// soon returns what find finds, nothing when that takes too long. Then find is left alone:
// nobody can break off the reading of a folder that is on a dead mount, and the process ends
// with the answer.
func soon(find func() []string) []string {
	found := make(chan []string, 1)
	go func() { found <- find() }()
	select {
	case list := <-found:
		return list
	case <-time.After(completePatience):
		return nil
	}
}

// found is all that may stand where typed is the beginning. Of the certificates only those
// are read that can be meant.
func (at *place) found(w wanted, typed string) (list []string) {
	a, err := authority.Open(at.dir, authority.Keys{})
	if err != nil {
		return nil
	}
	cas, err := all(a)
	if err != nil {
		return nil
	}
	host, _, named := strings.Cut(typed, "/")
	for _, ca := range cas {
		name, isRoot := ca.Name(), ca.Name() == authority.RootName
		switch {
		case isRoot && w.root, !isRoot && w.hosts:
			list = append(list, cobra.CompletionWithDesc(name, visible.Clip(ca.Certificate().Subject.CommonName, 64)))
		case !isRoot && w.below && !named:
			list = append(list, cobra.CompletionWithDesc(name+"/", visible.Clip(ca.Certificate().Subject.CommonName, 64)))
		}
		if w.serials || w.stores && isRoot || (w.extensions || w.below && named) && !isRoot && (!named || host == name) {
			list = append(list, w.issued(ca)...)
		}
	}
	return list
}

// issued is what may stand for the certificates of a CA: each name once, with its newest.
func (w wanted) issued(ca *authority.CA) (names []string) {
	about, serials := map[string]string{}, []string{}
	for _, r := range living(ca) {
		if r.ID != "" && (w.extensions || w.below) || r.Store && w.stores {
			if about[r.Name()] == "" {
				names = append(names, r.Name())
			}
			about[r.Name()] = describeRecord(r)
		}
		if w.serials {
			serials = append(serials, cobra.CompletionWithDesc(r.Serial(), r.Name()+" "+describeRecord(r)))
		}
	}
	for i, name := range names {
		names[i] = cobra.CompletionWithDesc(name, about[name])
	}
	return append(names, serials...)
}

// living are the certificates of a CA that are not revoked, the oldest first.
func living(ca *authority.CA) []authority.Record {
	records, err := ca.Records()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(records, func(r authority.Record) bool { return r.Revoked != nil })
}

func describeRecord(r authority.Record) string {
	end := r.Certificate.NotAfter.UTC().Format(time.DateOnly)
	if r.Status(time.Now()) == authority.StatusExpired {
		return "expired " + end
	}
	return "until " + end
}
