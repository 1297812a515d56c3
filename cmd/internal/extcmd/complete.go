package extcmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), time.Second)
	defer cancel()
	list, err := c.list(ctx)
	if err != nil {
		return nil
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = oneLine(e.ID)
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), time.Second)
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
