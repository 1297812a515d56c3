package extcmd

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
)

// completeIDs is for shells: it is quick, and says nothing when it fails.
func (t *target) completeIDs(cmd *cobra.Command, args []string) []string {
	if len(args) > 0 {
		return nil
	}
	c, err := t.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completePatience)
	defer cancel()
	list, err := c.list(ctx)
	if err != nil {
		return nil
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = cobra.CompletionWithDesc(oneLine(e.ID), oneLine(strings.TrimSpace(e.Version+" "+string(e.State))))
	}
	return ids
}

// completeVersions completes the second argument: a kept version of the extension
// that the first one names.
func (t *target) completeVersions(cmd *cobra.Command, id string) []string {
	c, err := t.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completePatience)
	defer cancel()
	e, err := c.show(ctx, id)
	if err != nil {
		return nil
	}
	versions := make([]string, len(e.Versions))
	for i, v := range e.Versions {
		versions[i] = oneLine(v.Version)
	}
	return versions
}

// completePatience bounds a question for completion: a person has pressed a key and waits.
const completePatience = time.Second

// completeTypes completes a request type that can be asked for now.
func (t *target) completeTypes(cmd *cobra.Command) []string {
	c, err := t.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completePatience)
	defer cancel()
	if c.Requests == nil {
		if _, err := c.list(ctx); err != nil || c.Requests == nil { // its answer says where requests go
			return nil
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, hostclient.At(c.Requests, "v1", "types"), nil)
	if err != nil {
		return nil
	}
	if c.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.Bearer)
	}
	var answer struct {
		Types []struct{ Type, Extension string }
	}
	if c.Answer("listing the types", req, &answer) != nil {
		return nil
	}
	types := make([]string, len(answer.Types))
	for i, kind := range answer.Types {
		types[i] = cobra.CompletionWithDesc(oneLine(kind.Type), oneLine(kind.Extension))
	}
	return types
}

// idThen completes an id, then a version if the command takes one.
func (t *target) idThen(version bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		found := t.completeIDs(cmd, args)
		if version && len(args) == 1 {
			found = t.completeVersions(cmd, args[0])
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
