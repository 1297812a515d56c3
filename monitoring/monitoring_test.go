package monitoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRules has promtool judge what ships, with the durations it ships with.
func TestRules(t *testing.T) {
	t.Parallel()
	must(t, "promtool", "check", "config", "prometheus.yml") // and the rules that it names
	must(t, "promtool", "test", "rules", "alerts_test.yml")
	tested := string(read(t, "alerts_test.yml"))
	for _, name := range alertNames(t) {
		if !strings.Contains(tested, `alertname="`+name+`"`) {
			t.Errorf("alerts_test.yml has no case in which %s fires", name)
		}
	}
}

func alertNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^      - alert: (\w+)$`).FindAllSubmatch(read(t, "alerts.yml"), -1) {
		names = append(names, string(m[1]))
	}
	if len(names) < 10 {
		t.Fatalf("found %d alerts; has alerts.yml changed its form?", len(names))
	}
	return names
}

// TestTroubledHosts is a Prometheus in front of hosts in trouble.
func TestTroubledHosts(t *testing.T) {
	t.Parallel()
	busy, strict, small := troubled(t)
	prometheus := watch(t, []*aHost{busy, strict, small})

	t.Run("every alert fires", func(t *testing.T) { everyAlert(t, prometheus, small) })
	t.Run("every query of the dashboard has an answer", func(t *testing.T) { everyQuery(t, prometheus) })
	t.Run("native histograms", func(t *testing.T) {
		native := watch(t, []*aHost{busy}, "--enable-feature=native-histograms")
		await(t, func() string {
			if native.query("extension:jackfield_request_duration_seconds:p99_rate5m > 0") == 0 {
				return "no latency"
			}
			return ""
		})
		if n := native.query("jackfield_request_duration_seconds_bucket"); n != 0 {
			t.Errorf("%d classic buckets: these are no native histograms", n)
		}
	})
	t.Run("the scrape", func(t *testing.T) {
		all := [][]byte{busy.scrape(), strict.scrape()}
		for _, text := range all {
			check := exec.Command("promtool", "check", "metrics")
			check.Stdin = bytes.NewReader(text)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("promtool: %v\n%s", err, out)
			}
		}
		pageHolds(t, all)
	})
}

// about says of which extension, file, listener or host an alert must be, where that is not
// any.
func about() map[string]map[string]string {
	of := func(name string) map[string]string { return map[string]string{"extension": idOf(name)} }
	return map[string]map[string]string{
		"JackfieldExtensionFailed": of("failed"), "JackfieldExtensionBackoff": of("dead"), "JackfieldExtensionWaiting": of("waiting"),
		"JackfieldExtensionCrashLoop": of("flaky"), "JackfieldExtensionRestarted": of("flaky"), "JackfieldMemoryNearLimit": of("fat"),
		"JackfieldExtensionMetricsBroken": {"extension": idOf("echo"), "reason": "syntax"},
		"JackfieldErrorBudgetBurnFast":    of("echo"), "JackfieldErrorBudgetBurnSlow": of("echo"),
		"JackfieldLatencyHigh": of("slow"), "JackfieldInFlightNearLimit": of("full"),
		"JackfieldBundleRejected": {"code": "not_zip"}, "JackfieldConnectionsRefused": {"listener": "requests"},
		"JackfieldTrustRootExpiring": {"use": "bundles"}, "JackfieldSignatureExpiring": of("signed"),
		"JackfieldRepositoryNotRead": {"repository": "gone"}, "JackfieldRepositoryUnusable": {"repository": "gone"},
		"JackfieldUpdateFailed":            {"by": "host"},
		"JackfieldBundleDependencyMissing": {"code": "dependency_missing"},
	}
}

// everyAlert waits until each alert fires for what is its cause. The last one is that a
// host is down.
func everyAlert(t *testing.T, p *prometheus, victim *aHost) {
	fired := map[string]alert{}
	stopped := false
	await(t, func() string {
		for _, a := range p.firing() {
			if name := a.Labels["alertname"]; matches(a, about()[name]) {
				fired[name] = a
			}
		}
		var missing []string
		for _, name := range alertNames(t) {
			if _, ok := fired[name]; !ok {
				missing = append(missing, name)
			}
		}
		if slices.Equal(missing, []string{"JackfieldHostDown"}) && !stopped {
			victim.stop()
			stopped = true
		}
		return strings.Join(missing, ", ")
	})
	for name, a := range fired {
		for _, key := range []string{"summary", "description", "runbook_url"} {
			if text := a.Annotations[key]; text == "" || strings.Contains(text, "<no value>") || strings.Contains(text, "error") && key != "runbook_url" && strings.Contains(text, "template") {
				t.Errorf("%s: %s is %q", name, key, text)
			}
		}
		if !slices.Contains([]string{"critical", "warning"}, a.Labels["severity"]) {
			t.Errorf("%s: severity %q", name, a.Labels["severity"])
		}
	}
}

func matches(a alert, want map[string]string) bool {
	for label, value := range want {
		if a.Labels[label] != value {
			return false
		}
	}
	return true
}

// everyQuery asks for all that the dashboard shows: each query is valid, and what it names
// is there.
func everyQuery(t *testing.T, p *prometheus) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct {
				Name       string
				Definition string
			}
		}
	}
	if err := json.Unmarshal(read(t, "dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$job", ".*", "$instance", ".*", "$extension", ".*", "$__rate_interval", "1m")
	queries := map[string]string{}
	for _, panel := range dashboard.Panels {
		for i, target := range panel.Targets {
			queries[fmt.Sprintf("%s %d", panel.Title, i+1)] = target.Expr
		}
	}
	for _, v := range dashboard.Templating.List {
		if metric, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
			queries["the choice of "+v.Name] = metric[:strings.LastIndex(metric, ",")]
		}
	}
	if len(queries) < 30 {
		t.Fatalf("found %d queries; has dashboard.json changed its form?", len(queries))
	}
	for where, expr := range queries {
		expr = variables.Replace(expr)
		if strings.Contains(expr, "$") {
			t.Errorf("%s: a variable that nobody sets: %s", where, expr)
			continue
		}
		if p.query(expr) == 0 {
			t.Errorf("%s: nobody answers %s", where, expr)
		}
	}
	for _, name := range regexp.MustCompile(`\b(?:jackfield|process|go)_\w+`).FindAllString(strings.Join(values(queries), "\n"), -1) {
		if p.query(fmt.Sprintf(`{__name__=~"(extension:)?%s(:.*)?"}`, name)) == 0 && !strings.HasPrefix(name, "jackfield_request_duration_seconds") {
			t.Errorf("the dashboard names %s, which no host has", name)
		}
	}
}

func values(m map[string]string) []string {
	var list []string
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// TestRunbooks: each alert leads to an entry whose name is a state, a code or one of the
// symptoms that are neither.
func TestRunbooks(t *testing.T) {
	const page = "https://github.com/jackfield-host/jackfield/blob/main/docs/operations/troubleshooting.md#"
	anchors := string(read(t, filepath.Join("..", "docs", "operations", "troubleshooting.md")))
	links := regexp.MustCompile(`runbook_url: "(.*)"`).FindAllSubmatch(read(t, "alerts.yml"), -1)
	if len(links) != len(alertNames(t)) {
		t.Errorf("%d alerts have %d runbooks", len(alertNames(t)), len(links))
	}
	for _, link := range links {
		anchor, ok := strings.CutPrefix(string(link[1]), page)
		if !ok || !strings.Contains(anchors, `<a id="`+anchor+`"></a>`) {
			t.Errorf("%s leads nowhere", link[1])
		}
	}
}
