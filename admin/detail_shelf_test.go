package admin

import (
	"context"
	"io"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/host"
)

// What the pages of one extension ask for besides. A shelf alone has nothing of it.

func (s *shelf) Kept(id string) ([]host.Kept, error) {
	e, err := s.row(id)
	var kept []host.Kept
	for _, v := range e.Versions {
		kept = append(kept, host.Kept{Version: v})
	}
	return kept, err
}
func (s *shelf) Compare(context.Context, string, string) (host.Changes, error) {
	return host.Changes{}, nil
}

// detailShelf is a shelf that knows one extension well.
type detailShelf struct {
	*shelf
	types   []host.DeclaredType
	try     func(host.TryRequest) (host.TryResult, error)
	depends host.Dependencies
	kept    []host.Kept
	changes host.Changes
	ui      string
	lines   []host.LogLine
	measure map[string]host.Measure
	series  map[host.Range]host.Series
	history host.HistoryPage
	deeds   host.AuditPage
	logFile string

	mu      sync.Mutex // guards the rest
	tried   []host.TryRequest
	queries []host.LogQuery
	audits  []host.AuditQuery
}

func (s *detailShelf) Types(id string) ([]host.DeclaredType, error) {
	_, err := s.row(id)
	return s.types, err
}

func (s *detailShelf) Try(_ context.Context, r host.TryRequest) (host.TryResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = append(s.tried, r)
	return s.try(r)
}

func (s *detailShelf) Dependencies(string) (host.Dependencies, error) { return s.depends, nil }
func (s *detailShelf) Kept(string) ([]host.Kept, error)               { return s.kept, nil }
func (s *detailShelf) UIOf(string) string                             { return s.ui }
func (s *detailShelf) Measures() map[string]host.Measure              { return s.measure }

func (s *detailShelf) Compare(_ context.Context, _, digest string) (host.Changes, error) {
	for _, k := range s.kept {
		if k.Digest == digest {
			return s.changes, nil
		}
	}
	return host.Changes{}, &host.Error{Code: host.CodeNotFound, Message: "it keeps no version with this digest"}
}

func (s *detailShelf) Series(_ string, over host.Range) (host.Series, bool) {
	series, ok := s.series[over]
	return series, ok
}

func (s *detailShelf) Logs(_ context.Context, _ string, q host.LogQuery) ([]host.LogLine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, q)
	return s.lines, nil
}

func (s *detailShelf) LogFile(string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(s.logFile)), nil
}

func (s *detailShelf) History(context.Context, string, string, int) (host.HistoryPage, error) {
	return s.history, nil
}

func (s *detailShelf) FindAudit(_ context.Context, q host.AuditQuery) (host.AuditPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audits = append(s.audits, q)
	return s.deeds, nil
}
