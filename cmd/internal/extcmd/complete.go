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

// idsOnly completes ids of installed extensions, any number of them.
func (t *target) idsOnly(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return t.completeIDs(cmd, nil), cobra.ShellCompDirectiveNoFileComp
}

// mostOffered is how many ids a shell is offered at once.
const mostOffered = 100

// completeAvailable completes ids that can be installed.
func (t *target) completeAvailable(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	c, err := t.connect()
	if err != nil {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completePatience)
	defer cancel()
	// A search is for words, and an id that is begun is none: the whole list is looked through.
	found, err := c.search(ctx, "", mostOffered)
	if err != nil {
		return nil, directive
	}
	var ids []string
	for _, o := range found.Available {
		if strings.HasPrefix(o.ID, begun) {
			ids = append(ids, cobra.CompletionWithDesc(oneLine(o.ID), oneLine(strings.TrimSpace(o.Version+" "+o.Name))))
		}
	}
	return ids, directive
}

// completeFileOrID completes what install takes: bundles, and ids that can be installed.
func (t *target) completeFileOrID(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && isFile(args[0]) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if ids, _ := t.completeAvailable(cmd, args, begun); len(ids) > 0 && (begun != "" || len(args) > 0) {
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"jar"}, cobra.ShellCompDirectiveFilterFileExt
}

// completePlans completes the name of a plan.
func (t *target) completePlans(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	c, err := t.connect()
	if err != nil || len(args) > 0 {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completePatience)
	defer cancel()
	list, err := c.plans(ctx)
	if err != nil {
		return nil, directive
	}
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = cobra.CompletionWithDesc(oneLine(p.ID), oneLine(string(p.State)+" "+strings.Join(p.Requested, " ")))
	}
	return names, directive
}

// completeRepositories completes names of repositories.
func (t *target) completeRepositories(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	c, err := t.connect()
	if err != nil {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(cmd)), completePatience)
	defer cancel()
	list, err := c.repositories(ctx)
	if err != nil {
		return nil, directive
	}
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = cobra.CompletionWithDesc(oneLine(r.Name), oneLine(r.State+" "+r.URL))
	}
	return names, directive
}
