package extcmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/guidance"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// planPatience bounds a question for a plan: the host reads its repositories for it.
	planPatience = 5 * time.Minute
	// followEvery is how often a plan is looked at while somebody waits.
	followEvery = 300 * time.Millisecond
)

// planOrder is the body of POST /api/v1/plans.
type planOrder struct {
	Install []string `json:"install,omitempty"`
	// Update of nothing is an update of everything; nil is none.
	Update  *[]string       `json:"update,omitempty"`
	Consent []host.PlanNeed `json:"consent,omitempty"`
	Beta    bool            `json:"beta,omitempty"`
}

// doing is what is done, for errors.
func (o planOrder) doing() string {
	switch {
	case o.Update == nil:
		return "installing " + oneLine(strings.Join(o.Install, ", "))
	case len(*o.Update) == 0:
		return "updating everything"
	}
	return "updating " + oneLine(strings.Join(*o.Update, ", "))
}

// planFlags are the flags of commands that do what a plan says.
type planFlags struct{ dryRun, yes, noWait, beta bool }

func (f *planFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.yes, "yes", false, "do not ask, and consent to what it asks for")
	flags.BoolVar(&f.beta, "beta", false, "take beta releases, too")
	if flags.Lookup("dry-run") == nil {
		flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would happen")
		flags.BoolVar(&f.noWait, "no-wait", false, "return as soon as the host has taken the order down")
	}
}

// isFile reports whether an argument of install means a file: - for the standard input, a
// path, what ends as bundles do, or what is there and could not be an id.
func isFile(arg string) bool {
	if arg == "-" || strings.HasSuffix(strings.ToLower(arg), ".jar") || strings.ContainsRune(arg, filepath.Separator) || strings.Contains(arg, "/") {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
}

func newUpdate(t *target) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "update [ID…]",
		Short: "bring extensions up to date from the repositories: those that are named, or all",
		Long: `Update asks the repositories for higher versions, shows what would be done and asks,
then does it: all of it or nothing. A version that runs goes on until the new one is
healthy, and if one does not come up everything is as it was before. What is pinned
stays. --yes consents to permissions and publishers that are new.`,
		Example: `  jackfield ext update
  jackfield ext update org.example.maps.Maps --dry-run
  jackfield ext update --yes -o json`,
		ValidArgsFunction: t.idsOnly,
	}
	f.add(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids := append([]string{}, args...)
		return t.carryOut(cmd, planOrder{Update: &ids, Beta: f.beta}, f, *format)
	}
	return cmd
}

func newPlan(t *target) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan ID[@VERSION]…",
		Short: "say what installing extensions from the repositories would come to, and do nothing",
		Long: `Plan says what 'jackfield ext install' would do: what is installed, from where, why,
what it asks for and what it replaces; or why there is no way to do it.`,
		Example: `  jackfield ext plan org.example.maps.Maps
  jackfield ext plan "org.example.maps.Maps@>=2 <3" -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: t.completeAvailable,
	}
	cmd.Flags().BoolVar(&f.beta, "beta", false, "take beta releases, too")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.dryRun = true
		return t.carryOut(cmd, planOrder{Install: args, Beta: f.beta}, f, *format)
	}
	return cmd
}

// carryOut shows what an order comes to, asks, and has it done.
func (t *target) carryOut(cmd *cobra.Command, o planOrder, f planFlags, format output.Format) error {
	c, err := t.connect()
	if err != nil {
		return err
	}
	what := o.doing()
	q := question{What: what, Method: http.MethodPost, Path: []string{"plans"}, Query: url.Values{"dry_run": {"true"}}, Body: o, Patience: planPatience}
	var p host.Plan
	if err := c.Ask(cmd.Context(), q, &p); err != nil {
		return err
	}
	changes := slices.ContainsFunc(p.Steps, func(s host.PlanStep) bool { return s.Action != host.StepKeep })
	if f.dryRun || !changes {
		if err := format.Print(cmd.OutOrStdout(), p, func(w io.Writer) error { return printProposal(w, p) }); err != nil {
			return err
		}
		return noWay(what, p, changes)
	}
	if err := confirmPlan(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), p, f.yes); err != nil {
		return err
	}
	o.Consent = p.Needs
	q.Query, q.Body = nil, o
	if err := c.Ask(cmd.Context(), q, &p); err != nil {
		return err
	}
	if !f.noWait {
		if p, err = c.followPlan(cmd.Context(), what, p, cmd.ErrOrStderr()); err != nil {
			return err
		}
	}
	if err := format.Print(cmd.OutOrStdout(), p, func(w io.Writer) error { return printPlan(w, p) }); err != nil || f.noWait {
		return err
	}
	return judgePlan(what, p)
}

// noWay is the error of an order for which there is no plan.
func noWay(what string, p host.Plan, changes bool) error {
	if changes || len(p.Problems) == 0 {
		return nil
	}
	b := p.Problems[0]
	hint := strings.Join(b.Hints, "; ")
	return output.Errorf(oneLine(hint), "%s: %s: %s", what, oneLine(b.Code), oneLine(b.Message))
}

// confirmPlan shows a plan and asks the person at the terminal. Without one, only what needs
// no consent is done without --yes.
func confirmPlan(ctx context.Context, in io.Reader, out io.Writer, p host.Plan, yes bool) error {
	if err := printProposal(out, p); err != nil || yes {
		return err
	}
	f, ok := in.(*os.File)
	terminal := ok && isatty.IsTerminal(f.Fd())
	switch {
	case terminal:
		return ask(ctx, in, out, "do it? [y/N] ", "nothing was done")
	case len(p.Needs) > 0:
		return output.Usagef("pass --yes to consent to it without being asked", "consent is a person's, and there is no terminal to ask at")
	}
	return nil
}

// followPlan looks at a plan until it has ended, and shows how far it is.
func (c *client) followPlan(ctx context.Context, what string, p host.Plan, out io.Writer) (host.Plan, error) {
	name := fmt.Sprintf("%d extensions", len(p.Steps))
	if len(p.Requested) == 1 {
		name = p.Requested[0]
	}
	bar := output.NewProgress(out, name, -1)
	defer bar.End()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	goesOn := "the host goes on; 'jackfield ext plans' shows how far it is, 'jackfield ext cancel " + p.ID + "' ends it"
	for {
		showPlan(bar, p)
		if p.State.Over() {
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, output.WithHint(ctx.Err(), goesOn)
		case <-tick.C:
		}
		if err := c.Ask(ctx, question{What: what, Path: []string{"plans", p.ID}, Hint: goesOn}, &p); err != nil {
			return p, output.WithHint(err, goesOn)
		}
	}
}

// showPlan shows the bytes while some come, and what is done after that.
func showPlan(bar *output.Progress, p host.Plan) {
	var done, total int64
	state := ""
	for _, s := range p.Steps {
		done, total = done+s.Bytes, total+max(s.Total, s.Size)
		if s.State == host.StepDownloading {
			state = string(s.State)
		} else if state == "" && !ended(s.State) && s.State != host.StepReady {
			state = string(s.State)
		}
	}
	if state == string(host.StepDownloading) {
		bar.Reach(done, total)
		return
	}
	bar.Say(cmp.Or(state, string(p.State)))
}

func ended(s host.StepState) bool {
	return s == host.StepRunning || s == host.StepFailed || s == host.StepUndone
}

// judgePlan says whether a plan has led to what it is for.
func judgePlan(what string, p host.Plan) error {
	if p.State == host.PlanSucceeded {
		return nil
	}
	hint := "nothing of it is installed; everything is as it was before"
	for _, table := range []map[string]guidance.Reason{guidance.Reasons(), guidance.Plans(), guidance.Repositories()} {
		if r, ok := table[p.Code]; ok {
			hint = r.Next.English
			break
		}
	}
	text := fmt.Sprintf("%s: it is %s: %s: %s", what, p.State, p.Code, p.Message)
	return output.Errorf(oneLine(hint), "%s", oneLine(text))
}

// printProposal prints what a plan would do, and what it needs; or why there is none.
func printProposal(w io.Writer, p host.Plan) error {
	var rows [][]string
	for _, s := range p.Steps {
		size := ""
		if s.Size > 0 {
			size = fmt.Sprintf("%.1f MiB", float64(s.Size)/(1<<20))
		}
		why := ""
		if len(s.Why) > 0 {
			why = s.Why[0]
		}
		rows = append(rows, []string{string(s.Action), s.ID, s.From, s.To, s.Repository, size, s.Publisher, why})
	}
	var b strings.Builder
	for _, n := range p.Needs {
		if n.Kind == host.PlanNeedPublisher {
			fmt.Fprintf(&b, "%s comes from another publisher than before (%s)\n", oneLine(n.ID), oneLine(n.What))
			continue
		}
		fmt.Fprintf(&b, "%s asks to %s (%s)\n", oneLine(n.ID), meaning(n.What), oneLine(n.What))
	}
	for _, problem := range p.Problems {
		fmt.Fprintf(&b, "%s: %s\n", oneLine(problem.Code), oneLine(problem.Message))
		for _, reason := range problem.Chain {
			fmt.Fprintf(&b, "  %s\n", oneLine(reason))
		}
	}
	if len(rows) == 0 && b.Len() == 0 {
		b.WriteString("there is nothing to do\n")
	}
	if len(rows) > 0 {
		if err := output.Rows(w, []string{"ACTION", "ID", "FROM", "TO", "REPOSITORY", "SIZE", "PUBLISHER", "WHY"}, rows); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printPlan prints how a plan is.
func printPlan(w io.Writer, p host.Plan) error {
	rows := make([][]string, len(p.Steps))
	for i, s := range p.Steps {
		reason := ""
		if s.Code != "" {
			reason = s.Code + ": " + s.Message
		}
		rows[i] = []string{s.ID, string(s.Action), s.From, s.To, s.Repository, string(s.State), visible.Clip(reason, 200)}
	}
	const state = 5 // its column
	return output.Grid{
		Header: []string{"ID", "ACTION", "FROM", "TO", "REPOSITORY", "STATE", "REASON"}, Rows: rows,
		Tint: func(row, column int) output.Tint {
			if column != state {
				return output.Plain
			}
			return output.StateTint(string(p.Steps[row].State))
		},
	}.Write(w)
}

func newPlans(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plans",
		Short:   "list installations and updates from repositories, the newest first",
		Example: "  jackfield ext plans",
		Args:    cobra.NoArgs,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		list, err := c.plans(cmd.Context())
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), list, func(w io.Writer) error {
			rows := make([][]string, len(list))
			for i, p := range list {
				reason := ""
				if p.Code != "" {
					reason = p.Code + ": " + p.Message
				}
				rows[i] = []string{p.ID, string(p.Kind), cmp.Or(strings.Join(p.Requested, " "), "everything"), string(p.State), p.Actor, timeOf(&p.Created), visible.Clip(reason, 200)}
			}
			return output.Rows(w, []string{"PLAN", "KIND", "OF", "STATE", "BY", "CREATED", "REASON"}, rows)
		})
	}
	return cmd
}

func (c *client) plans(ctx context.Context) ([]host.Plan, error) {
	var answer struct{ Plans []host.Plan }
	err := c.Ask(ctx, question{What: "listing the plans", Path: []string{"plans"}}, &answer)
	return answer.Plans, err
}

// newPlanVerb is cancel or undo.
func newPlanVerb(t *target, verb, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " PLAN", Short: short, Long: long,
		Example: "  jackfield ext " + verb + " 12",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: t.completePlans,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%s %q", map[string]string{"cancel": "canceling", "undo": "undoing"}[verb], args[0])
		var p host.Plan
		if err := c.Ask(cmd.Context(), question{What: what, Method: http.MethodPost, Path: []string{"plans", args[0], verb}, Patience: planPatience}, &p); err != nil {
			return err
		}
		if p, err = c.followPlan(cmd.Context(), what, p, cmd.ErrOrStderr()); err != nil {
			return err
		}
		if err := format.Print(cmd.OutOrStdout(), p, func(w io.Writer) error { return printPlan(w, p) }); err != nil {
			return err
		}
		if p.State == host.PlanUndone || verb == "cancel" && p.State == host.PlanFailed {
			return nil
		}
		return output.Errorf("'jackfield ext plans' shows how things stand", "%s: it is %s", what, p.State)
	}
	return cmd
}

func newCancel(t *target) *cobra.Command {
	return newPlanVerb(t, "cancel", "end an installation or update that has not landed yet",
		"Cancel ends a plan of which nothing is in the extensions folder yet; nothing of it stays.")
}

func newUndo(t *target) *cobra.Command {
	return newPlanVerb(t, "undo", "take back what an installation or update has done",
		"Undo takes back all of a plan: the versions from before run again, and what was new\ngoes; its data stay. 'jackfield ext plans' lists the plans.")
}
