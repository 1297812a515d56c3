package admin

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// stocked is what a shelf knows of repositories and plans. The shelf's mutex guards it.
type stocked struct {
	repositories []host.Repository
	offers       []host.Offer
	missing      []host.MissingRepository
	more         bool
	outdated     []host.Outdated
	findings     []host.Finding
	plans        []host.Plan // the newest first
	proposed     *host.Plan  // what every request comes to
	requests     []host.PlanRequest
	searches     []host.AvailableQuery
	planned      []string // what was done to plans: "cancel 1"
	refuseStart  error    // the answer to StartPlan, if it is set
	slow         bool     // repositories do not answer
	spoilt       bool     // icons can not be had
}

func (s *shelf) Repositories() []host.Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repositories
}

func (s *shelf) RefreshRepository(_ context.Context, name string) (host.Repository, error) {
	for _, r := range s.Repositories() {
		if r.Name == name {
			return r, s.refuse
		}
	}
	return host.Repository{}, &host.Error{Code: host.CodeNotFound, Message: "there is no repository " + name}
}

func (s *shelf) ForgetRepository(ctx context.Context, name string, a host.Actor) (host.Repository, error) {
	r, err := s.RefreshRepository(ctx, name)
	if err != nil {
		return r, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = append(s.planned, a.Name+" forgets "+name)
	r.State, r.Seen, r.Sequence = "never", nil, 0
	return r, nil
}

// OfferIcon is a red square of what has one, unless the repository has something else.
func (s *shelf) OfferIcon(ctx context.Context, id string) (host.Icon, error) {
	o, err := s.AvailableOne(ctx, id)
	if err == nil && !o.Icon {
		err = &host.Error{Code: host.CodeNotFound, Message: id + " has no icon"}
	}
	if err == nil && s.spoilt {
		err = &host.Error{Code: host.CodeUnavailable, Message: "the icon can not be had now"}
	}
	return host.Icon{Data: redSquare(), Media: "image/png", ETag: `"5e"`}, err
}

func redSquare() []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 96, 96))
	draw.Draw(img, image.Rect(8, 8, 88, 88), image.NewUniform(color.NRGBA{R: 0xb4, G: 0x33, B: 0x2c, A: 255}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil { // into memory
		return nil
	}
	return b.Bytes()
}

func (s *shelf) Available(_ context.Context, q host.AvailableQuery) (host.OfferPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.searches = append(s.searches, q)
	page := host.OfferPage{More: s.more, Missing: s.missing}
	for _, o := range s.offers {
		if strings.Contains(strings.ToLower(o.ID+o.Name+o.Description), strings.ToLower(q.Text)) {
			if len(page.Offers) == q.Limit {
				page.More = true
				break
			}
			page.Offers = append(page.Offers, o)
		}
	}
	return page, s.refuse
}

func (s *shelf) AvailableOne(ctx context.Context, id string) (host.Offer, error) {
	if s.slow {
		<-ctx.Done()
		return host.Offer{}, &host.Error{Code: host.CodeUnavailable, Message: "it does not answer"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.offers {
		if o.ID == id {
			return o, s.refuse
		}
	}
	return host.Offer{}, &host.Error{Code: host.CodeNotFound, Message: "no repository offers " + id}
}

func (s *shelf) Outdated(context.Context) ([]host.Outdated, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outdated, s.refuse
}

func (s *shelf) Findings() []host.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findings
}

func (s *shelf) Propose(_ context.Context, r host.PlanRequest) (host.Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if s.proposed == nil || s.refuse != nil {
		return host.Plan{}, s.refuse
	}
	return *s.proposed, nil
}

func (s *shelf) StartPlan(ctx context.Context, r host.PlanRequest) (host.Plan, error) {
	p, err := s.Propose(ctx, r)
	p.ID = "7"
	return p, cmp.Or(err, s.refuseStart)
}

func (s *shelf) Plans() []host.Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plans
}

func (s *shelf) Plan(id string) (host.Plan, bool) {
	for _, p := range s.Plans() {
		if p.ID == id {
			return p, true
		}
	}
	return host.Plan{}, false
}

func (s *shelf) changed(what, id string) (host.Plan, error) {
	p, ok := s.Plan(id)
	if !ok {
		return p, &host.Error{Code: host.CodeNotFound, Message: "there is no plan " + id}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned = append(s.planned, what+" "+id)
	return p, s.refuse
}

func (s *shelf) CancelPlan(_ context.Context, id string, _ host.Actor) (host.Plan, error) {
	return s.changed("cancel", id)
}

func (s *shelf) UndoPlan(_ context.Context, id string, _ host.Actor) (host.Plan, error) {
	return s.changed("undo", id)
}

// plan has a plan be as it is told.
func (s *shelf) plan(p host.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = []host.Plan{p}
	select {
	case s.told <- struct{}{}:
	default:
	}
}

// stockShelf has a shelf know repositories, offers, updates and what is said of them.
func stockShelf(s *shelf) {
	at := time.Now().Add(-2 * time.Hour)
	s.repositories = []host.Repository{
		{Name: "acme", URL: "https://store.acme.example", Kind: "jackfield", Priority: 10, Enabled: true, State: "ok", Seen: &host.RepositorySeen{Store: "store.acme.example", Sequence: 412}, Sequence: 412, Issued: &at, Expires: ptr(at.Add(72 * time.Hour)), Checked: &at, Read: &at, Listings: 37},
		{Name: "bank", URL: "https://bank.example/jameica", Kind: "jameica", Enabled: true, State: "stale", Code: "index_unreachable", Message: "it does not answer", Checked: &at, Listings: 4},
	}
	s.offers = []host.Offer{
		{ID: "org.example.maps.Maps", Name: "Maps", Description: "Maps of the **world**, drawn by the host.\n\nMore text.", Publisher: "Example", Repository: "acme", Version: "3.1.0", Channel: "stable", Usable: true, Action: "install",
			Permissions: []string{"net:tiles.example.org:443", "kv"}, Requires: []string{"org.example.Base >=2"}, License: "MIT", Homepage: "https://example.org/maps", Size: 9 << 20, Versions: []string{"3.1.0", "3.0.2", "2.9"}, Changelog: "- faster tiles", Icon: true},
		{ID: running().ID, Name: "Tracking", Description: "Positions of devices.", Publisher: "K2", Repository: "acme", Version: "5.1.0", Channel: "stable", Usable: true, Installed: running().Version, Action: "update", Size: 4 << 20, Versions: []string{"5.1.0", "5.0.0010"}, Changelog: "- corridors\n- <script>alert(1)</script>"},
		{ID: "org.example.future.Future", Name: "Future", Description: "For hosts to come.", Publisher: "Example", Repository: "acme", Version: "9.0", Channel: "beta", Needs: "99.0", Action: "none", Versions: []string{"9.0"}},
		{ID: "org.example.old.Old", Name: "Old", Description: "Not kept up any more.", Publisher: "Example", Repository: "acme", Version: "1.0", Channel: "stable", Usable: true, Action: "install", Deprecated: "use Maps", Versions: []string{"1.0"},
			Advisories: []host.OfferAdvisory{{ID: "A-1", Severity: "high", Title: "It tells strangers", Fixed: "1.1", URL: "https://example.org/a-1"}}},
	}
	s.missing = []host.MissingRepository{{Name: "far", Code: "index_unreachable", Message: "it does not answer"}}
	s.outdated = []host.Outdated{
		{ID: running().ID, Version: running().Version, Latest: "5.1.0", Repository: "acme", Automatic: true},
		{ID: crashed().ID, Version: crashed().Version, Latest: "2.0.0", Repository: "acme", Why: "it is another major version", Needs: []host.PlanNeed{{ID: crashed().ID, Kind: host.PlanNeedPermission, What: "events"}}},
	}
	s.findings = []host.Finding{{ID: crashed().ID, Version: crashed().Version, Repository: "acme", Revoked: "the key was stolen",
		Advisories: []host.FoundAdvisory{{ID: "A-2", Severity: "critical", Title: "Anybody can steer it", Fixed: "2.0.0", URL: "https://example.org/a-2"}}}}
	s.proposed = ptr(proposal())
}

// proposal is a plan of three steps, two of which need consent.
func proposal() host.Plan {
	return host.Plan{
		Kind: host.PlanInstall, State: host.PlanPlanned, Requested: []string{"org.example.maps.Maps"}, Actor: "admin", Created: time.Now(), Changed: time.Now(),
		Steps: []host.PlanStep{
			{ID: "org.example.Base", Name: "Base", Action: host.StepInstall, To: "2.3.0", Repository: "acme", Digest: "sha256:" + strings.Repeat("2", 64), Size: 2 << 20, Publisher: "Example", Why: []string{"org.example.maps.Maps 3.1.0 requires org.example.Base >=2", "org.example.maps.Maps was asked for"}, State: host.StepPlanned},
			{ID: running().ID, Action: host.StepUpgrade, From: running().Version, To: "5.1.0", Repository: "acme", Digest: "sha256:" + strings.Repeat("5", 64), Size: 4 << 20, Publisher: "K2 neu", Pin: "ffff@k2.example", Why: []string{"org.example.Base 2.3.0 requires it"}, State: host.StepPlanned},
			{ID: "org.example.maps.Maps", Name: "Maps", Action: host.StepInstall, To: "3.1.0", Icon: true, Repository: "acme", Digest: "sha256:" + strings.Repeat("3", 64), Size: 9 << 20, Permissions: []string{"net:tiles.example.org:443"}, Publisher: "Example", Why: []string{"org.example.maps.Maps was asked for"}, State: host.StepPlanned},
		},
		Needs: []host.PlanNeed{
			{ID: running().ID, Digest: "sha256:" + strings.Repeat("5", 64), Kind: host.PlanNeedPublisher, What: "ffff@k2.example"},
			{ID: "org.example.maps.Maps", Digest: "sha256:" + strings.Repeat("3", 64), Kind: host.PlanNeedPermission, What: "net:tiles.example.org:443"},
		},
	}
}

// underWay is the plan with its steps as they are while it works.
func underWay(state host.PlanState, steps ...host.StepState) host.Plan {
	p := proposal()
	p.ID, p.State, p.Needs = "7", state, nil
	for i, s := range steps {
		p.Steps[i].State, p.Steps[i].Total = s, p.Steps[i].Size
		if s != host.StepPlanned {
			p.Steps[i].Bytes = p.Steps[i].Size
		}
		if s == host.StepDownloading {
			p.Steps[i].Bytes = p.Steps[i].Size / 4
		}
	}
	return p
}
