package root

import (
	"github.com/spf13/cobra"
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
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root, w := cmd.Root(), cmd.OutOrStdout()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(w, true)
		case "zsh":
			return root.GenZshCompletion(w)
		case "fish":
			return root.GenFishCompletion(w, true)
		default:
			return root.GenPowerShellCompletionWithDesc(w)
		}
	}
	return cmd
}
