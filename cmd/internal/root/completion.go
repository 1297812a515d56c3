package root

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

func newCompletion() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print the script that completes commands in a shell",
		Example: `  source <(jackfield completion bash)
  jackfield completion zsh > "${fpath[1]}/_jackfield"`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var script strings.Builder
		if err := writeCompletion(cmd.Root(), args[0], &script); err != nil {
			return err
		}
		value := map[string]string{"shell": args[0], "script": script.String()}
		return format.Print(cmd.OutOrStdout(), value, func(w io.Writer) error {
			_, err := io.WriteString(w, script.String())
			return err
		})
	}
	return cmd
}

func writeCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	}
	return root.GenPowerShellCompletionWithDesc(w)
}
