package jameica

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Client reads repositories of others. Redirects are followed only to the same scheme,
// host and port. Its zero value asks through http.DefaultTransport.
type Client struct {
	// Transport makes each single request: proxies, TLS roots and which addresses may be
	// reached are its matter.
	Transport http.RoundTripper
	Limits    Limits
	// Timeout bounds one document, and all of Read is bounded by twenty times as much; 0 is
	// 30 seconds. Stall bounds each piece of 64 KiB of a download; 0 is 30 seconds.
	Timeout, Stall time.Duration
}

const (
	defaultTimeout = 30 * time.Second
	wholeTimeouts  = 20
	// parallel is how many documents are asked for at once.
	parallel = 4
)

// Contents is a repository as it was read: what it offers, and what is wrong with it.
type Contents struct {
	Name     string
	Releases []Release // in the order of the document
	// Problems are groups and entries that were left out with their reason, and warnings.
	Problems []*Error
}

// Release is one version in a Contents.
type Release struct {
	Group string
	// Folder is the address of the folder that has the plugin.xml.
	Folder   string
	Manifest *Manifest
	// Chain is the certificate of the group, nil where it has none.
	Chain Chain
}

// Read reads the repository at base: repository.xml, the certificates of its groups and
// every plugin.xml, four at a time. What is broken never harms another group or entry: it
// is left out, with its reason in Problems. A group whose certificate can not be read is
// left out as a whole, since it would be taken for one that is not signed. Of a version
// that is offered twice the first counts. Only a repository.xml that can not be read, or
// the end of ctx, is an error.
func (c *Client) Read(ctx context.Context, base string) (*Contents, error) {
	if err := plainAddress(base); err != nil {
		return nil, &Error{Code: CodeRepository, Message: err.Error()}
	}
	asked := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, wholeTimeouts*c.timeout(), tooSlow(fmt.Sprintf("the repository took longer than %s in all", wholeTimeouts*c.timeout())))
	defer cancel()
	limits := c.Limits.withDefaults()
	address := asFolder(base) + "repository.xml"
	data, err := c.document(ctx, address, limits.DocumentBytes)
	if err != nil {
		return nil, err
	}
	repository, err := ParseRepository(data, limits)
	if err != nil {
		return nil, about(address, err)
	}
	out := &Contents{Name: repository.Name}
	for _, p := range repository.Problems {
		out.problem(address, p)
	}
	chains := c.chains(ctx, repository.Groups, out)
	wanted := out.list(repository.Groups, chains)
	c.manifests(ctx, wanted, limits)
	if asked.Err() != nil {
		return nil, unreachable(address, context.Cause(asked))
	}
	out.take(wanted)
	return out, nil
}

// chains reads the certificate of every group that has one, each address once. What is not
// in the result can not be read.
func (c *Client) chains(ctx context.Context, groups []Group, out *Contents) map[string]Chain {
	chains := map[string]Chain{}
	failed := map[string]error{}
	for _, g := range groups {
		if g.Certificate == "" || chains[g.Certificate] != nil {
			continue
		}
		err, known := failed[g.Certificate]
		if !known {
			var data []byte
			if data, err = c.document(ctx, g.Certificate, c.Limits.withDefaults().DocumentBytes); err == nil {
				chains[g.Certificate], err = ParseChain(data)
			}
		}
		if err != nil {
			failed[g.Certificate] = err
			delete(chains, g.Certificate)
			out.problem("group "+g.Name+", "+g.Certificate, err)
		}
	}
	return chains
}

// want is an entry on its way into a Contents.
type want struct {
	Release
	err error
}

// list makes one want of every entry of the groups that can be judged.
func (out *Contents) list(groups []Group, chains map[string]Chain) []want {
	var list []want
	for _, g := range groups {
		chain := chains[g.Certificate]
		if g.Certificate != "" && chain == nil {
			continue
		}
		for _, folder := range g.Entries {
			list = append(list, want{Release: Release{Group: g.Name, Folder: folder, Chain: chain}})
		}
	}
	return list
}

// manifests reads the plugin.xml of each want, several at a time, and returns when all
// are read.
func (c *Client) manifests(ctx context.Context, list []want, limits Limits) {
	next := make(chan *want)
	var crew sync.WaitGroup
	var total atomic.Int64
	for range min(parallel, len(list)) {
		crew.Go(func() {
			for w := range next {
				data, err := c.document(ctx, w.Folder+manifestFile, limits.DocumentBytes)
				if err == nil && total.Add(int64(len(data))) > limits.TotalBytes {
					err = fault(CodeTooBig, "", "all documents before it have %d bytes or more, which is all that is read", limits.TotalBytes)
				}
				if err == nil {
					w.Manifest, err = ParseManifest(data, limits)
				}
				if err == nil && w.Manifest.URL == "" {
					err = fault(CodeManifest, "", "it has no url, so there is no ZIP to download")
				}
				w.err = err
			}
		})
	}
	for i := range list {
		next <- &list[i]
	}
	close(next)
	crew.Wait()
}

// take keeps what was read, and says why the rest is left out.
func (out *Contents) take(list []want) {
	seen := map[[2]string]string{}
	for _, w := range list {
		address := w.Folder + manifestFile
		if w.err != nil {
			out.problem(address, w.err)
			continue
		}
		for _, p := range w.Manifest.Problems {
			out.problem(address, p)
		}
		key := [2]string{w.Manifest.Name, w.Manifest.Version}
		if first, twice := seen[key]; twice {
			out.problem(address, fault(CodeRepository, "", "%s %s is offered before, at %s, which counts", key[0], key[1], first))
			continue
		}
		seen[key] = address
		out.Releases = append(out.Releases, w.Release)
	}
}

// problem adds an error with what it is about in front.
func (out *Contents) problem(subject string, err error) {
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Code: CodeUnreachable, Message: err.Error(), Err: err}
	}
	named := *e
	switch named.Subject {
	case "", subject:
		named.Subject = subject
	default:
		named.Subject = subject + ": " + named.Subject
	}
	out.Problems = note(out.Problems, &named)
}

func (c *Client) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return defaultTimeout
}
