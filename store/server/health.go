package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// checkTime bounds a look at database and blobs.
const checkTime = 5 * time.Second

// healthz answers that the process lives.
func healthz(w http.ResponseWriter, _ *http.Request) error {
	return status(w, http.StatusOK, map[string]any{"status": "ok"})
}

// readyz answers 200 when the catalogue was read and can be signed, and the database
// answers; else 503 with what is missing. A store whose database is away still serves what
// it has in memory: whoever balances replicas may leave it in.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	var waiting []string
	if health := s.catalogue.Health(); !health.Ready || health.Problem != "" {
		waiting = append(waiting, "catalogue")
	}
	if err := s.database.Check(ctx); err != nil {
		waiting = append(waiting, "database")
	}
	if err := s.blobs.Check(ctx); err != nil {
		waiting = append(waiting, "blobs")
	}
	if len(waiting) == 0 {
		return status(w, http.StatusOK, map[string]any{"status": "ready"})
	}
	w.Header().Set("Retry-After", "1")
	return status(w, http.StatusServiceUnavailable, map[string]any{"status": "starting", "starting": waiting})
}

func status(w http.ResponseWriter, code int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // a client that is gone is not an error of ours
	return nil
}
