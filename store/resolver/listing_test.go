package resolver_test

import (
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

func TestOffer(t *testing.T) {
	one := func(version string, change func(*store.Release)) store.Release {
		r := store.Release{
			Version: version, Channel: store.Stable, State: store.Published,
			Files: []store.File{{Platforms: []string{"linux-amd64", "linux-arm64", "server"}, Digest: "sha256:" + version}},
		}
		if change != nil {
			change(&r)
		}
		return r
	}
	l := &store.Listing{ID: "a", Format: store.FormatBundle, Publisher: store.Publisher{Pin: "acme"}, Releases: []store.Release{
		one("9.0", func(r *store.Release) { r.Channel = store.Beta }),
		one("8.0", func(r *store.Release) { r.State = store.Withdrawn }),
		one("7.0", func(r *store.Release) { r.State = store.TakenDown }),
		one("6.0", func(r *store.Release) { r.Revoked = "JFR-1" }),
		one("5.0", func(r *store.Release) { r.State = store.Deprecated }),
		one("4.0", func(r *store.Release) { r.MinHost = "2.0" }),
		one("3.0", func(r *store.Release) { r.Files[0].Platforms = []string{"darwin-arm64", "server"} }),
		one("2.0", func(r *store.Release) { r.Requires = []string{" b >=1 <3 ", "c >=0; optional"} }),
		one("1.0", func(r *store.Release) { r.Files[0].Platforms = []string{"server"} }),
		one("latest", nil),
		one("0.9", func(r *store.Release) { r.Requires = []string{"b"} }),
		one("0.8", func(r *store.Release) { r.MinHost = "new" }),
		one("0.7", func(r *store.Release) { r.Files = nil }),
	}}
	releases, left := resolver.Offer(l, "linux-amd64", false)
	if len(releases) != 8 || len(left) != 4 {
		t.Fatalf("%d releases, left out %v", len(releases), left)
	}
	for i, want := range []string{"a latest: ", "a 0.9: ", "a 0.8: ", "a 0.7: "} {
		if !strings.HasPrefix(left[i].Error(), want) {
			t.Errorf("left out is %v, want %s…", left[i], want)
		}
	}
	if all, _ := resolver.Offer(l, "linux-amd64", true); len(all) != 9 || all[0].Version != "9.0" {
		t.Errorf("with beta there are %d", len(all))
	}
	repositories := []resolver.Repository{
		{Name: "store", Releases: func(id string) ([]resolver.Release, error) {
			if id == "a" {
				return releases, nil
			}
			return nil, nil
		}},
		repository(t, "other", -1, "b 3.0\nb 2.0\nc 1.0"),
	}
	p, err := resolver.Resolve(resolver.Request{Repositories: repositories, HostVersion: "1.0", Platform: "linux-amd64", Install: asks(t, "a")})
	want := `install b 2.0 from other: a 2.0, asked for, needs b >=1 <3; you ask for a
install a 2.0 from store: you ask for a`
	if got := told(t, p, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if p.Steps[1].Digest != "sha256:2.0" || p.Steps[1].Publisher != "acme" {
		t.Errorf("the step is %+v", p.Steps[1])
	}
	p, err = resolver.Resolve(resolver.Request{Repositories: repositories, HostVersion: "1.0", Platform: "linux-amd64", Install: asks(t, "a >=3 <5")})
	want = `no_version
you ask for a >=3 <5
no version of a is >=3 <5; there are 5.0, 2.0, 1.0
a 4.0 needs a host >=2.0, and this is 1.0
a 3.0 is for darwin-arm64, and this is linux-amd64
hint: ask for a without a version: there is a plan with another one`
	if got := told(t, p, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if releases, left := resolver.Offer(&store.Listing{ID: "x", Format: store.FormatJami}, "linux-amd64", false); len(releases) != 0 || len(left) != 1 {
		t.Errorf("a listing of another format: %v, %v", releases, left)
	}
}
