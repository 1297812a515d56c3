package monitoring

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// prometheus is a running Prometheus.
type prometheus struct {
	t    *testing.T
	base string
}

// watch starts a Prometheus that scrapes hosts several times a second. It has the rules of
// this folder, but no alert waits.
func watch(t *testing.T, hosts []*aHost, flags ...string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "recording.yml"), read(t, "recording.yml"))
	waits := regexp.MustCompile(`(?m)^        for: .*\n`)
	put(t, filepath.Join(dir, "alerts.yml"), waits.ReplaceAll(read(t, "alerts.yml"), nil))
	targets := map[string][]string{}
	for _, h := range hosts {
		targets[h.scheme] = append(targets[h.scheme], fmt.Sprintf("%q", h.admin))
	}
	config := string(read(t, "prometheus.yml"))
	if _, one, found := strings.Cut(config, "\nscrape_configs:\n"); found && len(targets["https"]) > 0 {
		one = strings.ReplaceAll(one, `"127.0.0.1:8081"`, strings.Join(targets["https"], ", "))
		config += strings.Replace(one, "job_name: jackfield\n", `job_name: https
    scheme: https
    tls_config: {insecure_skip_verify: true}
    relabel_configs: [{target_label: job, replacement: jackfield}]
`, 1)
	}
	for _, change := range [][2]string{{"interval: 15s", "interval: 250ms"}, {`"127.0.0.1:8081"`, strings.Join(targets["http"], ", ")}} {
		if !strings.Contains(config, change[0]) {
			t.Fatalf("prometheus.yml has no %s", change[0])
		}
		config = strings.ReplaceAll(config, change[0], change[1])
	}
	put(t, filepath.Join(dir, "prometheus.yml"), []byte(config))

	address := free(t)
	cmd := exec.Command("prometheus", append([]string{
		"--config.file=" + filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address,
	}, flags...)...)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", read(t, log.Name()))
		}
	})
	p := &prometheus{t, "http://" + address}
	await(t, func() string {
		resp, err := http.Get(p.base + "/-/ready")
		if err != nil {
			return err.Error()
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return resp.Status
		}
		return ""
	})
	return p
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ask asks the HTTP API, and says what went wrong.
func (p *prometheus) ask(path string, query url.Values, into any) error {
	resp, err := http.Get(p.base + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", query, answer.Error)
	}
	return nil
}

// query returns how many series a query has; it must be valid.
func (p *prometheus) query(expr string) int {
	p.t.Helper()
	var data struct{ Result []json.RawMessage }
	if err := p.ask("query", url.Values{"query": {expr}}, &data); err != nil {
		p.t.Fatalf("%s: %v", expr, err)
	}
	return len(data.Result)
}

// alert is one that fires or is about to.
type alert struct {
	State               string
	Labels, Annotations map[string]string
}

// firing are the alerts that fire.
func (p *prometheus) firing() []alert {
	p.t.Helper()
	var data struct{ Alerts []alert }
	if err := p.ask("alerts", nil, &data); err != nil {
		p.t.Fatal(err)
	}
	var list []alert
	for _, a := range data.Alerts {
		if a.State == "firing" {
			list = append(list, a)
		}
	}
	return list
}
