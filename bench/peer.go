package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gorilla/mux"
)

// The peer: what one writes by hand in an afternoon, with the calls that come to mind
// first. A gorilla/mux route reads the body, holds it to a schema if there is one, and
// calls a child over a stock plane within a deadline. It does less than we do, in its
// favour: no limits, no metrics, no TLS to the child.

// hand is the host made by hand.
type hand struct {
	backend
	check func(payload []byte) error
	stop  func()
}

// runPeerHost is the role of such a host, until its standard input ends.
func runPeerHost() error {
	h, err := startHand(os.Getenv(envVariant))
	if err != nil {
		return err
	}
	defer h.stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	routes := mux.NewRouter()
	routes.HandleFunc("/v1/requests/{type}", h.serve).Methods(http.MethodPost)
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"Addr": listener.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func startHand(variant string) (*hand, error) {
	h := &hand{check: func([]byte) error { return nil }}
	if path := os.Getenv(envSchema); path != "" {
		var err error
		if h.check, err = checker(path); err != nil {
			return nil, err
		}
	}
	switch variant {
	case "raw":
		p, err := startPool(maxCallers)
		if err != nil {
			return nil, err
		}
		h.backend, h.stop = p, p.close
	case "grpc", "netrpc":
		s, err := startStock(variant)
		if err != nil {
			return nil, err
		}
		h.backend, h.stop = s, s.close
	default:
		return nil, fmt.Errorf("there is no peer %q", variant)
	}
	return h, nil
}

func (h *hand) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := h.check(body); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTime)
	defer cancel()
	out, err := h.process(ctx, message{mux.Vars(r)["type"], r.Header.Get("Content-Type"), body})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", out.MediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(out.Payload)))
	_, _ = w.Write(out.Payload)
}
