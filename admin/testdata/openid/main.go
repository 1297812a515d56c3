// The OpenID provider that tests sign in at: that of zitadel/oidc, which is certified,
// with three people, and the claim roles. It listens on a free port of this machine,
// prints its issuer as its first line, and ends with its standard input.
//
// The arguments are the redirect URIs of its one client, jackfield.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// users are the people, and what the claim roles says of them.
type users map[string]*storage.User

func (u users) GetUserByID(id string) *storage.User { return u[id] }

func (u users) GetUserByUsername(name string) *storage.User {
	for _, user := range u {
		if user.Username == name {
			return user
		}
	}
	return nil
}

func (u users) ExampleClientID() string { return "service" }

func people() users {
	list := users{}
	for id, name := range map[string]string{"1": "vera", "2": "otto", "3": "eve"} {
		list[id] = &storage.User{ID: id, Username: name, Password: "verysecure", FirstName: name, LastName: "Test", Email: name + "@example.org", EmailVerified: true}
	}
	return list
}

// roles is the claim of each, by subject.
func roles() map[string][]string {
	return map[string][]string{"1": {"staff", "jackfield-admins"}, "2": {"staff"}, "3": {"guests"}}
}

// withRoles is the storage of the library's example with one more claim, which is to be
// had from the user info only, as the other claims of the profile.
type withRoles struct{ *storage.Storage }

func (s withRoles) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	info.AppendClaims("roles", roles()[subject])
	return nil
}

func main() {
	storage.RegisterClients(storage.WebClient("jackfield", "s3cret", os.Args[1:]...))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	// Another name than that of the page, so that browsers take the two for different sites.
	issuer := fmt.Sprintf("http://localhost:%d/", ln.Addr().(*net.TCPAddr).Port)
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	handler := exampleop.SetupServer(issuer, withRoles{storage.NewStorage(people())}, quiet, false)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is gone
		server.Close()
	}()
	fmt.Println(issuer)
	if err := server.Serve(ln); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
