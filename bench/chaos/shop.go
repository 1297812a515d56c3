package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The line to a shop: so slow that a download has a middle.
const (
	lineChunk = 64 << 10
	linePause = 4 * time.Millisecond // for a chunk
)

// shop is a store as hosts see it: a real `jackfield store serve`, which may be killed and
// started again, at an address that stays and behind a line that is slow.
type shop struct {
	binary, dir, logFile string
	publisher            *publisher
	url                  string // where hosts find it
	line                 *http.Server
	sums                 map[string][sha256.Size]byte // of what was published, by its name in a host's folder

	mu    sync.Mutex // guards what follows
	cmd   *exec.Cmd
	ended chan struct{}
	at    *url.URL // of the process, nil while none serves
	kills int
}

// openShop makes a store and its publisher, and starts it.
func (s *stage) openShop(ctx context.Context) (*shop, error) {
	sh := &shop{binary: s.binary, dir: filepath.Join(s.dir, "store"), logFile: filepath.Join(s.dir, "store.log"), sums: map[string][sha256.Size]byte{}}
	var err error
	if sh.publisher, err = newPublisher(filepath.Join(s.dir, "authority")); err != nil {
		return nil, err
	}
	trust := filepath.Join(sh.dir, "trust")
	if err := os.MkdirAll(trust, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(trust, "chaos.pem"), sh.publisher.authority.RootPEM(), 0o600); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	sh.url = "http://" + listener.Addr().String()
	sh.line = &http.Server{Handler: sh.relay(), ReadHeaderTimeout: patience}
	go sh.line.Serve(listener) // until close
	if err := sh.start(ctx); err != nil {
		sh.close()
		return nil, err
	}
	return sh, nil
}

// close ends the store and the line.
func (sh *shop) close() {
	sh.kill()
	_ = sh.line.Close()
}

// relay passes on what is asked. While no store runs, and when one dies, the connection
// breaks.
func (sh *shop) relay() http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(sh.serving())
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if strings.HasSuffix(r.Request.URL.Path, "/download") {
				r.Body = slowly{r.Body}
			}
			return nil
		},
		ErrorLog:     log.New(io.Discard, "", 0), // that a store dies in the middle is what this is about
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		Transport:    &http.Transport{DisableKeepAlives: true},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sh.serving() == nil {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	})
}

// slowly is a body that comes slowly.
type slowly struct{ io.ReadCloser }

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(linePause)
	return s.ReadCloser.Read(p[:min(len(p), lineChunk)])
}

// serving is where the process serves, nil while none does.
func (sh *shop) serving() *url.URL {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.at
}

// start starts the store and waits until it serves.
func (sh *shop) start(ctx context.Context) error {
	log, err := os.OpenFile(sh.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(sh.binary, "store", "serve", "--data", sh.dir, "--listen", "127.0.0.1:0", "--trust-revocation", "off", "--base-url", sh.url)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	sh.mu.Lock()
	sh.cmd, sh.ended = cmd, ended
	sh.mu.Unlock()
	var running struct {
		PID int
		URL string
	}
	err = await(ctx, patience, "the store serves", func() (bool, error) {
		select {
		case <-ended:
			return false, fmt.Errorf("the store ended (%s): %s", cmd.ProcessState, lastLine(sh.logFile))
		default:
		}
		text, err := os.ReadFile(filepath.Join(sh.dir, "store.json"))
		if err != nil || json.Unmarshal(text, &running) != nil || running.PID != cmd.Process.Pid {
			return false, nil
		}
		resp, err := http.Get(running.URL + "/readyz")
		if err != nil {
			return false, nil
		}
		return resp.StatusCode == http.StatusOK, resp.Body.Close()
	})
	if err != nil {
		sh.kill()
		return err
	}
	at, err := url.Parse(running.URL)
	sh.mu.Lock()
	sh.at = at
	sh.mu.Unlock()
	return err
}

// kill ends the store as nothing can that it could see coming, if it runs.
func (sh *shop) kill() {
	sh.mu.Lock()
	cmd, ended := sh.cmd, sh.ended
	sh.cmd, sh.at = nil, nil
	sh.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
		<-ended
	}
}

// outage kills the store some time from now, and starts it again some time later.
func (sh *shop) outage(ctx context.Context, after, length time.Duration) error {
	if err := pause(ctx, after); err != nil {
		return err
	}
	sh.kill()
	sh.mu.Lock()
	sh.kills++
	sh.mu.Unlock()
	if err := pause(ctx, length); err != nil {
		return err
	}
	return sh.start(ctx)
}

// publish signs bundles and publishes them, in this order.
func (sh *shop) publish(ctx context.Context, k *kit, parcels ...parcel) error {
	args := []string{"store", "publish", "--data", sh.dir, "-o", "json"}
	for _, p := range parcels {
		jar, err := sh.publisher.sign(ctx, p.name, k.pack(p))
		if err != nil {
			return err
		}
		sh.sums[p.file()] = sha256.Sum256(jar)
		path := filepath.Join(filepath.Dir(sh.dir), p.file())
		if err := os.WriteFile(path, jar, 0o644); err != nil {
			return err
		}
		defer os.Remove(path)
		args = append(args, path)
	}
	_, err := jackfield(ctx, sh.binary, args...)
	return err
}

// offered has a host look at the store, until it knows what was published last.
func (sh *shop) offered(ctx context.Context, h *host, p parcel) error {
	return await(ctx, patience, "the host knows of "+p.file(), func() (bool, error) {
		status, text, err := h.call(ctx, http.MethodPost, h.api("repositories/chaos/refresh"), "", nil)
		if err != nil || status != http.StatusOK {
			return false, fmt.Errorf("looking at the store answers %d %.300s (%w)", status, text, err)
		}
		status, text, err = h.call(ctx, http.MethodGet, h.api("available/"+idOf(p.name)), "", nil)
		return err == nil && status == http.StatusOK && bytes.Contains(text, fmt.Appendf(nil, "%q", p.version)), err
	})
}
