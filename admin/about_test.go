package admin

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

func aboutHost() host.About {
	now := time.Now()
	return host.About{
		Version: "0.1.0", Go: "go1.26", OS: "linux", Arch: "amd64", Kernel: "6.12", PID: 7, Started: now.Add(-5 * time.Hour), Home: "/srv/jmap",
		Machine: host.Machine{
			CPUs: 2, OpenFiles: 65536, Landlock: 7,
			LimitsBy: map[string]string{"memory": "cgroup", "processes": "cgroup", "files": "rlimit", "data": "sampling"},
			Sandbox:  []host.Protection{{Name: "user", Holds: true, Why: "a uid of its own"}, {Name: "network", Holds: false, Why: hostile}},
		},
		Trust: host.TrustFacts{
			Policy: "require", Revocation: "hard", OnRevoked: "stop", RecheckInSeconds: 3600, Folder: "/srv/jmap/conf/trust",
			Roots: []host.Root{
				{Subject: "CN=Good", Use: "bundles", NotAfter: now.Add(1000 * 24 * time.Hour), Fingerprint: "aa"},
				{Subject: "CN=Soon", Use: "bundles", NotAfter: now.Add(10 * 24 * time.Hour), Fingerprint: "bb"},
				{Subject: hostile, Use: "timestamps", NotAfter: now.Add(-time.Hour), Fingerprint: "cc"},
			},
			Problems: []string{"bad.pem: " + hostile},
		},
		Database: host.DatabaseFacts{Path: "/srv/jmap/data/jackfield.db", Bytes: 5 << 20, LastBackup: ptr(now.Add(-time.Hour)), Backups: 3},
		Disk:     host.Disk{FreeBytes: 5 << 30, TotalBytes: 100 << 30},
		Counts:   host.Counts{Extensions: 3, Files: 1, States: map[host.State]int{"running": 2, "failed": 1, "pending": 1}, Types: 12},
	}
}

func TestAboutPage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	cfg.RequestAddress = "127.0.0.1:8080"
	shelf := cfg.Host.(*shelf)
	shelf.about = ptr(aboutHost())
	root := withAdminToken(t, cfg)
	doc := root.page("/admin/about")
	harmless(t, doc)
	text := textOf(doc)
	for _, want := range []string{
		"Jackfield 0.1.0", "go1.26", "linux/amd64", "6.12", "/srv/jmap", "127.0.0.1:8080", "127.0.0.1:8081", "nearly full", "fresh backup",
		"A trusted root has expired", "Some protections do not hold", "held by the kernel (cgroup)", "the host looks from time to time",
		"version 7", "A user of its own", "only bundles that a trusted root vouches for run", "ends soon", "expired", "Extensions3", "failed1", "sandbox network holds: false",
	} {
		if !strings.Contains(text, want) && !strings.Contains(strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("the page does not say %q", want)
		}
	}
	shelf.about = &host.About{} // of which nothing could be found out
	if doc := root.page("/admin/about"); !strings.Contains(textOf(doc), "Nothing is known of the database") {
		t.Errorf("of nothing it says %s", textOf(doc))
	}
}

func TestHealthOfADisk(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	root := withAdminToken(t, cfg)
	for free, want := range map[uint64]string{1: "The disk is full", 5: "nearly full", 50: "There is room"} {
		shelf.about = &host.About{Disk: host.Disk{FreeBytes: free << 30, TotalBytes: 100 << 30}}
		if text := textOf(root.page("/admin/about")); !strings.Contains(text, want) {
			t.Errorf("with %d%% free it does not say %q", free, want)
		}
	}
}

func TestSettingsPage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	shelf.settings = []host.Setting{
		{Key: "bundle.max_bytes", Value: "512MiB", Default: "512MiB", Source: "default", Doc: "the largest bundle", Allowed: "a size"},
		{Key: "limits.memory", Value: "1GiB", Default: "", Source: "file", Place: "line 3", Doc: "memory of a process"},
		{Key: "limits.memory", Value: hostile, Source: "file", Place: "line 4", Extension: running().ID},
		{Key: "trust.policy", Value: "warn", Default: "require", Source: "environment", Place: "JACKFIELD_TRUST_POLICY"},
	}
	root := withAdminToken(t, cfg)
	doc := root.page("/admin/settings")
	harmless(t, doc)
	text := textOf(doc)
	for _, want := range []string{"512MiB", "the largest bundle", "line 3", "the environment", "JACKFIELD_TRUST_POLICY", "nobody", "For single extensions", "4 of 4 shown", "from the next start on"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	keys := func(doc *html.Node) (list []string) {
		for _, tr := range all(doc, "tr", "") {
			if th := all(tr, "th", ""); len(th) == 1 {
				list = append(list, strings.Fields(textOf(th[0]))[0])
			}
		}
		return list
	}
	for query, want := range map[string]string{
		"?q=TRUST": "trust.policy", "?only=set": "limits.memory limits.memory trust.policy", "?q=nothing": "", "?q=largest": "bundle.max_bytes",
	} {
		if got := strings.Join(keys(root.page("/admin/settings"+query)), " "); got != want {
			t.Errorf("%s shows %q, want %q", query, got, want)
		}
	}
}
