// Package ownpages shows the pages that an extension brings for the admin page, in a
// frame that can do nothing but talk to the page around it. docs/ui-bridge.md is what
// authors are told.
//
// Routes are its part of the table of routes; Frame is the address that the page around
// gives to its frame. What is promised, of pages that are hostile: they have an origin of
// their own that nothing else has, so they neither see nor use the session; they load
// their own files and nothing else, and can send nothing anywhere; what they ask for goes
// through the page around, which asks the routes here in the name of the person who looks
// at it, with that person's rights; and no configuration is saved that the person has not
// seen and confirmed.
package ownpages

import (
	"context"
	"embed"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Host is what the pages are about.
type Host interface {
	OpenUI(id, name string) (*host.UIFile, error)
	Try(ctx context.Context, r host.TryRequest) (host.TryResult, error)
	Configuration(ctx context.Context, id string) (host.Configuration, error)
	Configure(ctx context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error)
}

//go:embed client/jackfield.js
var clientFile embed.FS

// Site serves the own pages of all extensions. New makes one.
type Site struct {
	host Host
	keys *keys
}

// New returns a Site; now is the clock.
func New(h Host, now func() time.Time) *Site { return &Site{host: h, keys: newKeys(now)} }

// Routes are those of the frames, and of the bridge between them and the page around.
func (s *Site) Routes() []web.Route {
	const one = "/admin/extensions/{id}/ui"
	return []web.Route{
		// The frame has no session: the key in the path stands for the right to see.
		{Method: "GET", Path: prefix + "{key}/{file...}", Right: access.Open, Page: true, Serve: s.file},
		{Method: "GET", Path: one + "/config", Right: access.See, Page: true, Serve: s.getConfig},
		{Method: "POST", Path: one + "/config", Right: access.Configure, Page: true, OwnProof: true, Serve: s.setConfig},
		{Method: "POST", Path: one + "/call", Right: access.Operate, Page: true, OwnProof: true, Serve: s.call},
	}
}

// prefix is where the files of all frames are.
const prefix = "/admin/ui/"

// Frame returns the address of the own pages of an extension, for one frame. Whoever has
// it can read the files of the pages, for as long as they are read at least every quarter
// of an hour, and twelve hours at most.
func (s *Site) Frame(id string) string { return prefix + s.keys.issue(id) + "/" }
