package servecmd

import (
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

func TestRepositories(t *testing.T) {
	c, err := load(t, `repository.acme.url=https://store.acme.example
repository.acme.root=conf/trust/repositories/acme.pem
repository.acme.priority=10
repository.usb.url=exports/store.zip
repository.usb.enabled=false
repository.vereine.url=https://vereine.example/repository
repository.vereine.kind=jameica
repository.vereine.root=/etc/ssl/vereine.pem
repository.vereine.allow_unsigned=true
`, []string{"JACKFIELD_PROPERTIES=repository.acme.priority=20"})
	if err != nil {
		t.Fatal(err)
	}
	got := c.RepositorySources("/srv/jmap")
	want := []host.RepositorySource{
		{Name: "acme", URL: "https://store.acme.example", Kind: host.KindJackfield, Root: "/srv/jmap/conf/trust/repositories/acme.pem", Priority: 20},
		{Name: "usb", URL: "/srv/jmap/exports/store.zip", Kind: host.KindJackfield, Disabled: true},
		{Name: "vereine", URL: "https://vereine.example/repository", Kind: host.KindJameica, Root: "/etc/ssl/vereine.pem", Unsigned: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	rows := c.told()[len(keys()):]
	if len(rows) != 9 {
		t.Fatalf("%d rows of repositories", len(rows))
	}
	i := slices.IndexFunc(rows, func(r host.Setting) bool { return r.Key == "repository.acme.priority" })
	if r := rows[i]; r.Value != "20" || r.Default != "0" || r.Source != "environment" || r.Doc == "" || r.Allowed == "" {
		t.Errorf("%+v", r)
	}
}
