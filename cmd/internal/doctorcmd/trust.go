package doctorcmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/trust"
)

// soon is how long before its end the validity of a root is worth a warning.
const soon = 30 * 24 * time.Hour

// checkTrust says whose signatures count, for how long yet, and whether those who revoke
// them can be asked.
func (e *exam) checkTrust(ctx context.Context) {
	policy := e.setting("trust.policy", "require")
	switch policy {
	case "require":
		e.add("trust", OK, "only signed bundles of those who are trusted run (trust.policy=require)", "")
	default:
		e.add("trust", Warn, "bundles run that nobody trusted has signed (trust.policy="+policy+")", "set trust.policy=require where this is no machine of a developer")
	}
	if r := e.setting("trust.revocation", "soft"); r == "off" {
		e.add("trust", Warn, "nobody is asked whether a certificate was revoked (trust.revocation=off)", "set trust.revocation=soft or hard")
	}
	if !e.here() {
		if e.about != nil {
			e.judgeFacts(e.about.Trust, policy)
		}
		return
	}
	if _, err := os.Stat(string(e.home)); err != nil { // which is said already
		return
	}
	roots, problems := trust.LoadRoots(e.home.Trust())
	facts := host.TrustFacts{}
	for _, p := range problems {
		facts.Problems = append(facts.Problems, p.Error())
	}
	for _, cert := range roots.Certificates {
		facts.Roots = append(facts.Roots, host.Root{Subject: cert.Subject.String(), Use: "bundles", NotAfter: cert.NotAfter})
	}
	for _, cert := range roots.Timestamp {
		facts.Roots = append(facts.Roots, host.Root{Subject: cert.Subject.String(), Use: "timestamps", NotAfter: cert.NotAfter})
	}
	e.judgeFacts(facts, policy)
	for _, crl := range roots.CRLs {
		if next := crl.List.NextUpdate; !next.IsZero() && next.Before(e.now) {
			e.addAbout("trust", Note, crl.Name, "a newer list should have come by "+next.Format(time.DateOnly), "get the newest one from the authority; what it revokes counts meanwhile")
		} else {
			e.addAbout("trust", OK, crl.Name, fmt.Sprintf("a list of %d revoked certificates", len(crl.List.RevokedCertificateEntries)), "")
		}
	}
	e.checkResponders(ctx, roots)
}

// setting is the value that holds for the host, as far as anybody knows it.
func (e *exam) setting(key, fallback string) string {
	all := e.settings
	if all == nil && e.config != nil {
		all = e.config.Effective
	}
	for _, s := range all {
		if s.Key == key && s.Extension == "" && s.Value != "" {
			return s.Value
		}
	}
	return fallback
}

func (e *exam) judgeFacts(f host.TrustFacts, policy string) {
	for _, problem := range f.Problems {
		e.add("trust", Warn, "left out of whom the host trusts: "+problem, "replace the file, or remove it")
	}
	uses := map[string]int{}
	for _, root := range f.Roots {
		uses[root.Use]++
		left := root.NotAfter.Sub(e.now)
		text := fmt.Sprintf("root for %s, valid until %s", root.Use, root.NotAfter.Local().Format(time.DateOnly))
		switch {
		case left <= 0:
			e.addAbout("trust", Fail, root.Subject, text+": nothing that it vouches for runs any more", "put the new root of this authority into conf/trust; see the clock, too")
		case left < soon:
			e.addAbout("trust", Warn, root.Subject, text, "ask the authority for its next root, and put it beside this one into conf/trust")
		default:
			e.addAbout("trust", OK, root.Subject, text, "")
		}
	}
	if uses["bundles"] == 0 && policy == "require" {
		e.add("trust", Warn, "nobody is trusted, so nothing runs: there is no root in conf/trust", "put the root of your authority or store there, as a .pem file; docs/ca.md says how to make one")
	}
	if uses["timestamps"] == 0 {
		e.add("trust", Note, "no timestamps count: signatures end with their certificates", "put the root of a timestamp authority into conf/trust/timestamp, if your publishers use one")
	}
}

const (
	// maxJudged is how many bundles of the drop folder are judged, maxBundle how large
	// they may be, judgeTime how long it all may take.
	maxJudged, maxBundle = 16, 64 << 20
	judgeTime            = 30 * time.Second
)

// checkResponders judges bundles of the drop folder as the host does, and asks those who
// could have revoked their signers. Only who is trusted here is asked.
func (e *exam) checkResponders(ctx context.Context, roots *trust.Roots) {
	if len(roots.Certificates) == 0 || e.setting("trust.revocation", "soft") == "off" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	judge := trust.New(trust.Config{
		Roots: roots, Revocation: trust.Soft, AllowPrivate: e.setting("trust.private_responders", "false") == "true",
	})
	files, _ := filepath.Glob(filepath.Join(escape(e.home.Extensions()), "*.[jJ][aA][rR]")) // the pattern is well formed
	slices.Sort(files)
	judged, silent := 0, map[string]bool{}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > maxBundle {
			continue
		}
		verdict, ok := judgeFile(ctx, judge, file)
		if !ok || verdict.State != trust.Valid || ctx.Err() != nil {
			continue
		}
		judged++
		for _, c := range verdict.Checks {
			if c.Warning && strings.HasPrefix(c.Name, "revocation") && !silent[c.Detail] {
				silent[c.Detail] = true
				e.addAbout("trust", Warn, filepath.Base(file), c.Detail, "see whether this machine reaches that address (firewall, name resolution); trust.private_responders=true lets it lead into your own network")
			}
		}
		if judged == maxJudged {
			break
		}
	}
	if judged > 0 && len(silent) == 0 {
		e.add("trust", OK, fmt.Sprintf("the signers of %d bundles are not revoked, as those say who can know", judged), "")
	}
}

// judgeFile judges one bundle; ok is false for what is not signed, or no bundle.
func judgeFile(ctx context.Context, judge *trust.Judge, file string) (v trust.Verdict, ok bool) {
	f, err := bundle.Open(file, bundle.DefaultLimits())
	if err != nil {
		return v, false
	}
	defer f.Close()
	verified, err := bundle.Verify(ctx, f)
	if err != nil {
		return v, false
	}
	signed, ok := verified.Signed()
	if !ok {
		return v, false
	}
	claim := trust.Claim{ID: verified.Manifest().ID, Chain: signed.Chain, Staples: signed.Staples}
	if signed.Timestamp != nil {
		claim.SignedAt, claim.TimestampChain = signed.Timestamp.Time, signed.Timestamp.Chain
	}
	return judge.Judge(ctx, claim), true
}

// escape is the pattern that matches a path and nothing else.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
