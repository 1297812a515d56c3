package admin

import (
	"fmt"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// everything is one extension or file in each state, and some that are well.
func everything() []host.Extension {
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d) }
	row := func(i int, name, version string, state host.State) host.Extension {
		return host.Extension{ID: fmt.Sprintf("org.example.%c.Extension%d", 'a'+i%26, i), Name: name, Version: version, State: state, File: fmt.Sprintf("ext%d-%s.jar", i, version), Enabled: true,
			Signature: host.Signature{State: "valid"}, ResidentBytes: int64(i+3) << 20, Versions: []host.Version{{Version: version, Current: true}}}
	}
	var all []host.Extension
	for i, n := range []string{"Tracking", "Messages", "Geocoder", "Elevation profiles", "Address search", "Time slider", "Survey forms"} {
		all = append(all, row(i, n, "5.0.0010", "running"))
	}
	all[1].Signature.State = "untrusted"
	why := func(i int, name string, state host.State, code, message string) host.Extension {
		e := row(i, name, "1.4.2", state)
		e.ResidentBytes = 0
		e.Reason = &host.Reason{Code: code, Stage: "init", Message: message, Time: ago(4 * time.Minute)}
		return e
	}
	c := crashed()
	c.Versions = []host.Version{{Version: "1.4.2", Current: true}, {Version: "1.3.0"}}
	c.Enabled = true
	all = append(all, c, waits(),
		why(20, "Weather radar", "failed", "config_invalid", "the configuration breaks its schema: /station is missing"),
		why(21, "Billing", "conflict", "name_taken", "the name Billing is taken by org.example.b.Extension1 in billing-2.jar; this is billing-copy.jar"),
		why(22, "Classic", "unsupported", "no_executable", "there is no bin/linux-amd64/extension; the bundle has windows-amd64"),
		why(23, "Door opener", "refused", "chain_untrusted", "the chain ends in CN=Somebody Root, which is not in conf/trust"),
		why(24, "Reports", "waiting", "dependency_missing", "needs org.base >=3.0 <4, which is not there"),
		why(25, "Newcomer", "starting", "starting", "it is being initialised"),
		why(26, "Old timer", "draining", "stopping", "3 requests are in flight"),
		why(27, "Summer only", "stopped", "disabled", "disabled by admin"),
	)
	f := why(28, "", "failed", "not_zip", "no ZIP archive: begins with %PDF-1.7")
	f.ID, f.File, f.Version, f.Signature.State = "holiday pictures.jar", "holiday pictures.jar", "", ""
	p := why(29, "", "pending", "copying", "12 MiB so far")
	p.ID, p.File, p.Version, p.Signature.State = "big.jar", "big.jar", "", ""
	return append(all, f, p)
}

// dress gives the rows of s what they seem to do and take.
func dress(s *shelf) {
	s.measures, s.series = map[string]host.Measure{}, map[string]host.Series{}
	for i, e := range s.Snapshot() {
		if e.State != "running" {
			continue
		}
		m := host.Measure{RequestsPerSecond: float64(i*i) * 3.7, ErrorRate: float64(i%3) * 0.04, P50: ptr(0.0003 * float64(i+1)), P99: ptr(0.004 * float64(i+1))}
		var list []*float64
		for j := range 60 {
			list = append(list, ptr(m.RequestsPerSecond*(1+0.4*float64((j*7+i*3)%11-5)/5)))
		}
		s.measures[e.ID], s.series[e.ID] = m, host.Series{StepSeconds: 5, RequestsPerSecond: list}
	}
	s.needed = map[string][]host.Dependency{s.Snapshot()[0].ID: {{ID: "org.example.u.Reports", Met: true}}}
}
