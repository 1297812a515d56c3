package pages

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// certificate is one that people compare.
type certificate struct {
	Subject      string
	SHA256, SHA1 string // fingerprints: AB:CD:…, as openssl, keytool and Jameica write them
	Expires      time.Time
	pem          []byte
}

// certificateOf reads the first certificate in PEM; nil where there is no text. what is what
// it is, for errors.
func certificateOf(text []byte, what string) (*certificate, error) {
	if len(text) == 0 {
		return nil, nil
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s is not in PEM", what)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	long, short := sha256.Sum256(block.Bytes), sha1.Sum(block.Bytes)
	return &certificate{cert.Subject.String(), pairs(long[:]), pairs(short[:]), cert.NotAfter, pem.EncodeToMemory(block)}, nil
}

func pairs(sum []byte) string {
	list := make([]string, len(sum))
	for i, b := range sum {
		list[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(list, ":")
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
	jameica, err := p.jameica(asked)
	if err != nil {
		return view{}, err
	}
	return view{
		Template: "about.html", Title: said.Say("about.title"), Section: "about", Feed: p.path(asked.who, "feed.atom"),
		Data: struct {
			Root, Jameica       *certificate // nil where there is none
			Address, RootPath   string
			Repository, Signer  string // of Jameica: the address, and the path of its certificate
			OpenAPI, Advisories string
			Feed                string
			Listings            int
			Sequence            int
			Platforms           []option
		}{
			p.root, jameica, p.address("/"), p.prefix + "/root.pem", p.address("/jameica"), p.prefix + "/jameica/certificate.pem", p.prefix + "/api/v1/openapi.json", p.prefix + "/api/v1/advisories", p.path(asked.who, "feed.atom"),
			asked.now.Len(), int(asked.now.Sequence()), options(plainly(asked.now.Platforms()), ""),
		},
	}, nil
}

// jameica is the certificate that users of Jameica are asked about, nil as long as there is
// nothing for them. One that can not be had now is left out: it is not the page's matter.
func (p *Pages) jameica(asked request) (*certificate, error) {
	if p.cfg.Jameica == nil {
		return nil, nil
	}
	found, err := asked.now.Find(asked.Context(), Query{Format: store.FormatJameica, Order: ByName, Limit: 1})
	if err != nil || len(found.Entries) == 0 {
		return nil, err
	}
	text, err := p.cfg.Jameica(asked.Context())
	var c *certificate
	if err == nil {
		c, err = certificateOf(text, "the certificate for Jameica")
	}
	if err != nil {
		p.cfg.Log.Error("the page about the store lacks the certificate for Jameica", "error", err)
	}
	return c, nil
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
