package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/mattermost"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// faceSnapshot is the catalogue as the faces read it.
type faceSnapshot struct{ *catalogue.Snapshot }

func (s faceSnapshot) Entries(format store.Format) iter.Seq[shelf.Entry] {
	return func(yield func(shelf.Entry) bool) {
		for item := range s.All() {
			if item.Format == format && !yield(shelf.Entry{ID: item.ID, Digest: item.Digest, Load: item.Listing}) {
				return
			}
		}
	}
}

// face takes the time in which the face for Mattermost reads every bundle, as a store has it do
// before somebody asks, and that of questions.
func (s *subject) face(ctx context.Context, f *figures) (err error) {
	face := mattermost.New(mattermost.Config{
		Current: func() mattermost.Snapshot { return faceSnapshot{s.catalogue.Current()} }, Base: "https://" + host, Summary: s.summary,
		Read: func(context.Context, string, int64) ([]byte, error) { return nil, nil },
	})
	site := &web.Site{Log: slog.New(slog.DiscardHandler), Metrics: web.NewMetrics(), Rates: web.Rates{Search: web.Rate{Second: 1e6, Burst: 1e6}}}
	handler := site.Handler(face.Routes())
	ask := func(page int) error {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/api/v1/plugins?per_page=100&page=%d&server_version=9.5.0&platform=linux-amd64", page), nil))
		if w.Code != http.StatusOK || w.Body.Len() < 100 {
			return fmt.Errorf("the face for Mattermost answers %d: %.200s", w.Code, w.Body)
		}
		return nil
	}
	before, began := heap(), time.Now()
	ready, err := times(1, func(int) error { return face.Prepare(ctx) })
	if err != nil {
		return err
	}
	f.FaceReady, f.FaceCPU = since(began), ready.CPU50/1000
	f.FaceHeap = heap() - before
	f.Face, err = times(max(s.Requests/10, 30), func(i int) error { return ask(i % max(s.Listings/100, 1)) })
	return err
}

// heap is what lives in it, in MiB.
func heap() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20)
}
