package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

func completionCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "write the script that completes ferry's words in a shell",
		ArgsUsage: "bash|zsh|fish|powershell",
		Description: "Example: ferry completion bash > ~/.local/share/bash-completion/completions/ferry\n\n" +
			"bash:        ferry completion bash > ~/.local/share/bash-completion/completions/ferry\n" +
			"zsh:         ferry completion zsh > \"${fpath[1]}/_ferry\"\n" +
			"fish:        ferry completion fish > ~/.config/fish/completions/ferry.fish\n" +
			"PowerShell:  ferry completion powershell | Out-String | Invoke-Expression",
		Action: func(c *cli.Context) error {
			name, err := ui.OneArg(c, "shell")
			if err != nil {
				return err
			}
			script := ui.CompletionScript(name)
			if script == nil {
				return ui.Misuse(fmt.Errorf("completion: there is nothing for the shell %q", name), "bash, zsh, fish or powershell")
			}
			_, err = e.Stdout.Write(script)
			return err
		},
	}
}
