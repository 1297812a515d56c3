package usercmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// completePatience bounds a question for completion: a person has pressed a key and waits.
const completePatience = time.Second

// completeWith completes the arguments of cmd's commands with what the host knows: users,
// tokens, extensions, by the words that stand for them in how a command is used.
func completeWith(t *hostclient.Target, cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		_, words, _ := strings.Cut(sub.Use, " ")
		places := strings.Fields(words)
		if len(places) == 0 || sub.Name() == "add" || sub.Name() == "new" { // what is new has no name yet
			continue
		}
		sub.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			place := places[min(len(args), len(places)-1)]
			if len(args) >= len(places) && !strings.HasSuffix(place, "…") {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			ctx, cancel := context.WithTimeout(context.Background(), completePatience)
			defer cancel()
			return complete(ctx, t, place), cobra.ShellCompDirectiveNoFileComp
		}
	}
}

func complete(ctx context.Context, t *hostclient.Target, place string) []string {
	if place == "ROLE" {
		return roleNames()
	}
	c, err := t.Connect()
	if err != nil {
		return nil
	}
	var answer struct {
		Users      []host.User
		Tokens     []host.Token
		Extensions []struct{ ID, Version string }
	}
	path := map[string]string{"NAME": "users", "ID": "tokens", "ID…": "extensions"}[place]
	if c.Ask(ctx, hostclient.Question{What: "completing", Path: []string{path}}, &answer) != nil {
		return nil
	}
	var found []string
	add := func(word, about string) {
		found = append(found, cobra.CompletionWithDesc(visible.Clip(word, 200), visible.Clip(about, 100)))
	}
	for _, u := range answer.Users {
		add(u.Name, string(u.Role))
	}
	for _, k := range answer.Tokens {
		add(k.ID, k.Label)
	}
	for _, e := range answer.Extensions {
		add(e.ID, e.Version)
	}
	return found
}
