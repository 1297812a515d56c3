package extcmd

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/host"
)

// settlePatience bounds a question that the host answers when an extension has settled.
// The host itself waits ten minutes.
const settlePatience = 11 * time.Minute

// target is where the flags say that the host is.
type target struct{ hostclient.Target }

// client talks to one host.
type client struct{ *hostclient.Client }

type question = hostclient.Question

func (t *target) connect() (*client, error) {
	c, err := t.Connect()
	return &client{c}, err
}

func (c *client) list(ctx context.Context) ([]host.Extension, error) {
	var answer struct{ Extensions []host.Extension }
	err := c.Ask(ctx, question{What: "listing the extensions", Path: []string{"extensions"}}, &answer)
	return answer.Extensions, err
}

func (c *client) show(ctx context.Context, id string) (host.Extension, error) {
	var e host.Extension
	err := c.Ask(ctx, question{What: fmt.Sprintf("showing %q", id), Path: []string{"extensions", id}}, &e)
	return e, err
}

// settled returns the row of id once it has settled.
func (c *client) settled(ctx context.Context, what, id string) (host.Extension, error) {
	var e host.Extension
	err := c.Ask(ctx, question{
		What: what, Path: []string{"extensions", id}, Query: url.Values{"wait": {"true"}},
		Patience: settlePatience, Hint: goesOn(id),
	}, &e)
	return e, err
}

// goesOn is the hint when somebody has waited long enough.
func goesOn(id string) string {
	return "the host goes on; 'jackfield ext show " + id + "' shows the state"
}
