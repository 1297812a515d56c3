package pages

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// root is the certificate by which hosts trust the store.
type root struct {
	Subject     string
	Fingerprint string // AB:CD:…, as openssl and keytool write it
	Expires     time.Time
	pem         []byte
}

func rootOf(text []byte) (*root, error) {
	if len(text) == 0 {
		return nil, nil
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("the store's root certificate is not in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the store's root certificate: %w", err)
	}
	sum := sha256.Sum256(block.Bytes)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return &root{cert.Subject.String(), strings.Join(pairs, ":"), cert.NotAfter, pem.EncodeToMemory(block)}, nil
}

func (p *Pages) rootPEM(w http.ResponseWriter, r *http.Request) {
	if p.root == nil {
		p.missing(w, r)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="root.pem"`)
	page := &rendered{status: http.StatusOK, media: "application/x-pem-file", body: p.root.pem}
	page.finish(&p.zips)
	p.send(w, r, page, "public, max-age=300")
}

// about is the page of the store itself.
func (p *Pages) about(asked request) (view, error) {
	said := p.languages[asked.who.language].words
	return view{
		Template: "about.html", Title: said.Say("about.title"), Section: "about", Feed: p.path(asked.who, "feed.atom"),
		Data: struct {
			Root                *root
			Address, RootPath   string
			OpenAPI, Advisories string
			Feed                string
			Listings            int
			Sequence            int
			Platforms           []option
		}{
			p.root, p.address("/"), p.prefix + "/root.pem", p.prefix + "/api/v1/openapi.json", p.prefix + "/api/v1/advisories", p.path(asked.who, "feed.atom"),
			asked.now.Len(), int(asked.now.Sequence()), options(plainly(asked.now.Platforms()), ""),
		},
	}, nil
}

// labels is the list of labels.
func (p *Pages) labels(asked request) (view, error) {
	type row struct {
		link
		Count int
	}
	rows := func(all []option, query string) []row {
		all = options(all, "")
		rows := make([]row, len(all))
		for i, o := range all {
			rows[i] = row{link{o.Text, p.frontPath(asked.who, url.Values{query: {o.Value}})}, o.Count}
		}
		return rows
	}
	said := p.languages[asked.who.language].words
	return view{
		Template: "labels.html", Title: said.Say("labels.title"), Section: "labels",
		Data: struct{ Labels, Platforms []row }{rows(labelled(asked, asked.now.Labels()), "label"), rows(plainly(asked.now.Platforms()), "platform")},
	}, nil
}
