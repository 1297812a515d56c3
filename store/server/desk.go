package server

import (
	"fmt"
	"path/filepath"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/store/server/internal/drop"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest/formats"
	"github.com/jackfield-host/jackfield/trust"
)

// openDesk makes what takes files in, and what watches the drop folder.
func (s *Server) openDesk() error {
	roots, problems := trust.LoadRoots(s.cfg.Trust)
	for _, p := range problems {
		s.cfg.Log.Warn("a file of the trust folder does not count", "error", p)
	}
	if len(roots.Certificates) == 0 && !s.cfg.UnsignedUnsafe {
		s.cfg.Log.Warn("no root is trusted: every bundle will be refused; put the root of your publishers there and start again", "folder", s.cfg.Trust)
	}
	policy := map[string]trust.RevocationPolicy{"soft": trust.Soft, "hard": trust.Hard, "off": trust.Off}[s.cfg.Revocation]
	if policy == "" {
		return fmt.Errorf("there is no revocation policy %q: it is soft, hard or off", s.cfg.Revocation)
	}
	judge := trust.New(trust.Config{
		Roots: roots, Revocation: policy, Cache: filepath.Join(s.cfg.Data, "revocation"), AllowPrivate: s.cfg.PrivateResponders,
	})
	jami, faults := jpl.LoadRoots(filepath.Join(s.cfg.Trust, "jami"))
	for _, fault := range faults {
		s.cfg.Log.Warn("a file of the trust folder for Jami does not count", "error", fault)
	}
	if len(jami.CRLs) > 0 {
		s.jamiCRL = jami.CRLs[0].Raw
	}
	limits := bundle.DefaultLimits()
	limits.FileBytes = s.cfg.MaxBytes
	s.desk = ingest.New(ingest.Config{
		Database: s.database, Blobs: s.blobs, Admission: ingest.Admission(s.cfg.Admission),
		Formats: []ingest.Format{
			&formats.Bundle{Judge: judge, Limits: limits, UnsignedUnsafe: s.cfg.UnsignedUnsafe, Tool: "jackfield", Version: s.cfg.Version},
			&formats.Jami{Options: jami, Tool: "jackfield", Version: s.cfg.Version},
			&formats.Jameica{Judge: judge, Limits: limits, UnsignedUnsafe: s.cfg.UnsignedUnsafe, Base: s.cfg.BaseURL, Tool: "jackfield", Version: s.cfg.Version},
		},
		MaxBytes: s.cfg.MaxBytes, Temp: s.cfg.temp(), Log: s.cfg.Log,
	})
	if s.cfg.Drop != "" {
		s.drop = drop.New(drop.Config{Dir: s.cfg.Drop, Desk: s.desk, MaxBytes: s.cfg.MaxBytes, Temp: s.cfg.temp(), Log: s.cfg.Log})
	}
	return nil
}
