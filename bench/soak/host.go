package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	patience = 30 * time.Second
	echoID   = "examples.echo.EchoExtension"
	echoType = "examples.echo.EchoRequest"
)

// host is a running jackfield with the echo example.
type host struct {
	home            string
	requests, admin string // HOST:PORT
	client          *http.Client
	stop            func()
}

func start(ctx context.Context) (*host, error) {
	jars, err := filepath.Glob("dist/bundles/echo-*.jar")
	if err != nil || len(jars) != 1 {
		return nil, errors.New("dist/bundles/echo-*.jar is not there; run make build first")
	}
	home, err := os.MkdirTemp("", "jackfield-soak-")
	if err != nil {
		return nil, err
	}
	jar, err := os.ReadFile(jars[0])
	if err == nil {
		err = os.MkdirAll(filepath.Join(home, "extensions"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(home, "extensions", "echo.jar"), jar, 0o644)
	}
	if err != nil {
		return nil, err
	}
	// A crash every few seconds is to be followed by a restart, not by a long pause.
	cmd := exec.CommandContext(ctx, "bin/jackfield", "serve", "--home", home, "--log-format", "json", "--trust-policy", "warn",
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--backoff-first", "50ms", "--backoff-max", "200ms")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &host{home: home, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true}}}
	listening, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		h.read(stderr, listening)
		_ = cmd.Wait()
	}()
	h.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		os.RemoveAll(home)
	}
	select {
	case <-listening:
	case <-ended:
		return nil, errors.New("the host ended before it listened")
	case <-time.After(patience):
		h.stop()
		return nil, errors.New("the host does not listen")
	}
	return h, h.await(ctx, "the echo example", func() (bool, error) {
		status, _, err := h.send(ctx, request{body: []byte("ping"), media: "text/plain"})
		return err == nil && status == http.StatusOK, nil
	})
}

// read finds the addresses in the host's log and drops the rest.
func (h *host) read(stderr io.Reader, listening chan<- struct{}) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, Requests, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			h.requests, h.admin = line.Requests, line.Admin
			close(listening)
		}
	}
}

// await polls a condition until patience ends.
func (h *host) await(ctx context.Context, what string, done func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not there after %s", what, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// rest is what the host holds when nothing is under way.
type rest struct {
	goroutines, descriptors, childDescriptors, processes float64
	heap, resident, childResident                        float64 // bytes
}

// settle waits until the host is at rest and returns what it holds then: when given
// the rest before, no more than that, or the error says what is more.
func (h *host) settle(ctx context.Context, before *rest) (rest, error) {
	h.client.CloseIdleConnections()
	var now rest
	var more error
	err := h.await(ctx, "the rest", func() (bool, error) {
		var err error
		if now, err = h.measure(ctx); err != nil {
			return false, err
		}
		more = now.more(before)
		return more == nil && now.processes == 1, nil
	})
	if more != nil {
		err = more
	}
	return now, err
}

// more says what now holds that before did not. Memory may differ by what the
// collector has not come to.
func (now rest) more(before *rest) error {
	if before == nil {
		return nil
	}
	var errs []error
	for _, c := range []struct {
		what           string
		before, now    float64
		factor, beyond float64
	}{
		{"goroutines", before.goroutines, now.goroutines, 1, 3},
		{"descriptors of the host", before.descriptors, now.descriptors, 1, 2},
		{"descriptors of the extension", before.childDescriptors, now.childDescriptors, 1, 2},
		{"bytes of the host's heap", before.heap, now.heap, 1.5, 16 << 20},
		{"resident bytes of the host", before.resident, now.resident, 1.5, 64 << 20},
		{"resident bytes of the extension", before.childResident, now.childResident, 1.5, 64 << 20},
	} {
		if c.now > c.before*c.factor+c.beyond {
			errs = append(errs, fmt.Errorf("%.0f %s, before the load %.0f", c.now, c.what, c.before))
		}
	}
	return errors.Join(errs...)
}

// measure reads the host's metrics, after a collection that the profile asks for.
func (h *host) measure(ctx context.Context) (rest, error) {
	text, err := h.get(ctx, "http://"+h.admin+"/metrics")
	if err != nil {
		return rest{}, err
	}
	var r rest
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		name, _, _ = strings.Cut(name, "{")
		switch name {
		case "go_goroutines":
			r.goroutines = n
		case "process_open_fds":
			r.descriptors = n
		case "go_memstats_heap_inuse_bytes":
			r.heap = n
		case "process_resident_memory_bytes":
			r.resident = n
		case "jackfield_extension_open_fds":
			r.childDescriptors = n
			r.processes++
		case "jackfield_extension_resident_memory_bytes":
			r.childResident = n
		}
	}
	waiting, err := h.crew(ctx)
	r.goroutines -= waiting
	return r, err
}

// maxCrew is how many goroutines may wait for lines (maxIdle in host/internal/edge/duplex).
const maxCrew = 512

// crew is how many goroutines wait for the next line of a batch or a WebSocket. As many as
// were needed at once stay, maxCrew at most: how many that is, is chance. More is an error.
func (h *host) crew(ctx context.Context) (waiting float64, err error) {
	text, err := h.get(ctx, "http://"+h.admin+"/debug/pprof/goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	if !strings.HasPrefix(text, "goroutine profile:") {
		return 0, fmt.Errorf("asking the host for its goroutines: %.200s", text)
	}
	for stack := range strings.SplitSeq(text, "\n\n") {
		count, frames, _ := strings.Cut(stack, " @ ")
		_, top, _ := strings.Cut(frames, "\n")
		first, _, _ := strings.Cut(top, "\n")
		if !strings.Contains(first, "duplex.(*crew).work") {
			continue
		}
		n, err := strconv.ParseFloat(count[strings.LastIndexByte(count, '\n')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("a goroutine profile that says %q: %w", count, err)
		}
		waiting += n
	}
	if waiting > maxCrew {
		return 0, fmt.Errorf("%.0f goroutines wait for lines, %d at most are to stay", waiting, maxCrew)
	}
	return waiting, nil
}

func (h *host) get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Close = true // the connection is no part of what is measured
	token, err := os.ReadFile(filepath.Join(h.home, "conf", "admin.token"))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := h.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func printRest(w io.Writer, before, after rest) {
	const mib = 1 << 20
	fmt.Fprintf(w, "\nat rest                        before      after\n")
	for _, l := range []struct {
		name        string
		before, now float64
	}{
		{"goroutines of the host", before.goroutines, after.goroutines},
		{"descriptors of the host", before.descriptors, after.descriptors},
		{"descriptors of the extension", before.childDescriptors, after.childDescriptors},
		{"heap of the host, MiB", before.heap / mib, after.heap / mib},
		{"resident, host, MiB", before.resident / mib, after.resident / mib},
		{"resident, extension, MiB", before.childResident / mib, after.childResident / mib},
	} {
		fmt.Fprintf(w, "%-28s %9.1f %10.1f\n", l.name, l.before, l.now)
	}
}
