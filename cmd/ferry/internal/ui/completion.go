package ui

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/zarf"
)

// Shells are what completion writes for.
var Shells = map[string]func(io.Writer, []*command){
	"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": PowershellCompletion,
}

// A command is what help, completion and the man page know of one.
type command struct {
	Name, Usage, args, text string
	Flags                   []flag
	words                   []string // that it takes as arguments, instead of files
}

// A flag has its names without dashes, the long one first.
type flag struct {
	names  []string
	usage  string
	value  string   // what its value is called, "" if it has none
	def    string   // the value that it has by itself, ""  if that is nothing
	values []string // all that it may be, if that is a short list
}

// Tree is the commands that are shown, with help.
func Tree(app *cli.App) []*command {
	var out []*command
	var names []string
	for _, c := range app.Commands {
		if c.Hidden || c.Name == "help" {
			continue
		}
		names = append(names, c.Name)
		out = append(out, commandOf(c))
	}
	for _, t := range topics {
		names = append(names, t.name)
	}
	return append(out, &command{Name: "help", Usage: "show help of a command or topic", args: "[COMMAND|TOPIC]", words: names})
}

func commandOf(c *cli.Command) *command {
	cmd := &command{Name: c.Name, Usage: c.Usage, args: c.ArgsUsage, text: c.Description}
	if c.Name == "completion" {
		cmd.words = strings.Split(c.ArgsUsage, "|")
	}
	for _, f := range c.VisibleFlags() {
		if f.Names()[0] != "help" {
			cmd.Flags = append(cmd.Flags, flagOf(f))
		}
	}
	cmd.Flags = append(cmd.Flags, flag{names: []string{"help", "h"}, usage: "show help"})
	return cmd
}

// choices are the values of the flags that have few.
var choices = map[string][]string{
	"format": {"text", "json"}, "kind": {"lei", "files"}, "type": {"p256", "ed25519"},
	"shape": {string(zarf.Files), string(zarf.Registry), string(zarf.Both)},
}

func flagOf(f cli.Flag) flag {
	out := flag{names: f.Names(), values: choices[f.Names()[0]]}
	if d, ok := f.(cli.DocGenerationFlag); ok {
		out.usage = d.GetUsage()
		if d.TakesValue() {
			out.value = "VALUE"
			out.def = strings.Trim(d.GetDefaultText(), `"`)
		}
	}
	if before, rest, ok := strings.Cut(out.usage, "`"); ok {
		if word, after, ok := strings.Cut(rest, "`"); ok {
			out.usage = before + word + after
			if out.value != "" {
				out.value = word
			}
		}
	}
	return out
}

// Dashed are the flag's names as they are typed.
func (f flag) Dashed() []string {
	var out []string
	for _, n := range f.names {
		if len(n) == 1 {
			out = append(out, "-"+n)
		} else {
			out = append(out, "--"+n)
		}
	}
	return out
}

func commandNames(cmds []*command) (names []string) {
	for _, c := range cmds {
		names = append(names, c.Name)
	}
	return names
}

// bashCompletion needs nothing of the bash-completion package.
func bashCompletion(w io.Writer, cmds []*command) {
	fmt.Fprint(w, `# bash completion for ferry
_ferry() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= i flags= words= values=
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*) cmd=${COMP_WORDS[i]}; break ;;
		esac
	done
	# --flag=value arrives in three words
	if [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; elif [[ $cur == '=' ]]; then cur=; fi
	case $cmd in
	'') COMPREPLY=($(compgen -W '`+strings.Join(commandNames(cmds), " ")+`' -- "$cur")); return ;;
`)
	for _, c := range cmds {
		var all, files []string
		for _, f := range c.Flags {
			all = append(all, f.Dashed()...)
		}
		fmt.Fprintf(w, "\t%s)\n\t\tflags='%s' words='%s'\n\t\tcase $prev in\n", c.Name, strings.Join(all, " "), strings.Join(c.words, " "))
		for _, f := range c.Flags {
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(w, "\t\t%s) values='%s' ;;\n", strings.Join(f.Dashed(), "|"), strings.Join(f.values, " "))
			case f.value != "":
				files = append(files, f.Dashed()...)
			}
		}
		if len(files) > 0 {
			fmt.Fprintf(w, "\t\t%s) compopt -o default 2>/dev/null; return ;;\n", strings.Join(files, "|"))
		}
		fmt.Fprint(w, "\t\tesac ;;\n")
	}
	fmt.Fprint(w, `	esac
	if [[ $values ]]; then
		COMPREPLY=($(compgen -W "$values" -- "$cur"))
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$flags" -- "$cur"))
	elif [[ $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	else
		compopt -o default 2>/dev/null
	fi
}
complete -F _ferry ferry
`)
}

func zshCompletion(w io.Writer, cmds []*command) {
	q := func(s string) string { // within single quotes, in a spec
		s = strings.NewReplacer(`'`, `'\''`, `\`, `\\`, `[`, `\[`, `]`, `\]`, `:`, `\:`).Replace(s)
		return s
	}
	fmt.Fprint(w, "#compdef ferry\n\n_ferry() {\n\tlocal curcontext=\"$curcontext\" state line\n\tlocal -a commands\n\tcommands=(\n")
	for _, c := range cmds {
		fmt.Fprintf(w, "\t\t'%s:%s'\n", c.Name, q(c.Usage))
	}
	fmt.Fprint(w, "\t)\n\t_arguments -C '1:command:->command' '*::argument:->argument'\n\tcase $state in\n\tcommand) _describe command commands ;;\n\targument)\n\t\tcase $line[1] in\n")
	for _, c := range cmds {
		fmt.Fprintf(w, "\t\t%s)\n\t\t\t_arguments", c.Name)
		for _, f := range c.Flags {
			names := f.Dashed()
			value := ""
			switch {
			case len(f.values) > 0:
				value = ":" + q(f.value) + ":(" + strings.Join(f.values, " ") + ")"
			case f.value != "":
				value = ":" + q(f.value) + ":_files"
			}
			for _, n := range names {
				long := n
				if value != "" && strings.HasPrefix(n, "--") {
					long += "="
				}
				fmt.Fprintf(w, " \\\n\t\t\t\t'%s[%s]%s'", long, q(f.usage), value)
			}
		}
		switch {
		case len(c.words) > 0:
			fmt.Fprintf(w, " \\\n\t\t\t\t'1:argument:(%s)'", strings.Join(c.words, " "))
		default:
			fmt.Fprint(w, " \\\n\t\t\t\t'*:file:_files'")
		}
		fmt.Fprint(w, " ;;\n")
	}
	fmt.Fprint(w, "\t\tesac ;;\n\tesac\n}\n\nif [ \"$funcstack[1]\" = _ferry ]; then\n\t_ferry \"$@\"\nelse\n\tcompdef _ferry ferry\nfi\n")
}

func fishCompletion(w io.Writer, cmds []*command) {
	q := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	names := strings.Join(commandNames(cmds), " ")
	fmt.Fprintf(w, "# fish completion for ferry\nset -l commands %s\n", names)
	for _, c := range cmds {
		fmt.Fprintf(w, "complete -c ferry -f -n \"not __fish_seen_subcommand_from $commands\" -a %s -d %s\n", c.Name, q(c.Usage))
	}
	for _, c := range cmds {
		seen := "'__fish_seen_subcommand_from " + c.Name + "'"
		if len(c.words) > 0 {
			fmt.Fprintf(w, "complete -c ferry -f -n %s -a %s\n", seen, q(strings.Join(c.words, " ")))
		}
		for _, f := range c.Flags {
			fmt.Fprintf(w, "complete -c ferry -n %s", seen)
			for _, n := range f.names {
				if len(n) == 1 {
					fmt.Fprintf(w, " -s %s", n)
				} else {
					fmt.Fprintf(w, " -l %s", n)
				}
			}
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(w, " -x -a %s", q(strings.Join(f.values, " ")))
			case f.value != "":
				fmt.Fprint(w, " -r")
			}
			fmt.Fprintf(w, " -d %s\n", q(f.usage))
		}
	}
}

func PowershellCompletion(w io.Writer, cmds []*command) {
	q := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	list := func(words []string) string {
		for i := range words {
			words[i] = q(words[i])
		}
		return "@(" + strings.Join(words, ", ") + ")"
	}
	fmt.Fprint(w, "# PowerShell completion for ferry\nRegister-ArgumentCompleter -Native -CommandName ferry -ScriptBlock {\n\tparam($wordToComplete, $commandAst, $cursorPosition)\n\t$commands = @{\n")
	for _, c := range cmds {
		fmt.Fprintf(w, "\t\t%s = %s\n", q(c.Name), q(c.Usage))
	}
	fmt.Fprint(w, "\t}\n\t$flags = @{\n")
	for _, c := range cmds {
		var all []string
		for _, f := range c.Flags {
			all = append(all, f.Dashed()...)
		}
		fmt.Fprintf(w, "\t\t%s = %s\n", q(c.Name), list(all))
	}
	fmt.Fprint(w, "\t}\n\t$words = @{\n")
	for _, c := range cmds {
		if len(c.words) > 0 {
			fmt.Fprintf(w, "\t\t%s = %s\n", q(c.Name), list(append([]string{}, c.words...)))
		}
	}
	fmt.Fprint(w, "\t}\n\t$values = @{\n")
	for _, name := range slices.Sorted(maps.Keys(choices)) {
		fmt.Fprintf(w, "\t\t%s = %s\n", q("--"+name), list(append([]string{}, choices[name]...)))
	}
	fmt.Fprint(w, `	}
	$before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
	$command = $before | Select-Object -Skip 1 | Where-Object { -not $_.StartsWith('-') } | Select-Object -First 1
	$previous = if ($before.Count -gt 0) { $before[-1] } else { '' }
	$found = if (-not $command) { $commands.Keys }
		elseif ($values.ContainsKey($previous)) { $values[$previous] }
		elseif ($wordToComplete.StartsWith('-')) { $flags[$command] }
		elseif ($words.ContainsKey($command)) { $words[$command] }
	$found | Where-Object { $_ -like "$wordToComplete*" } | Sort-Object | ForEach-Object {
		$tip = if ($commands.ContainsKey($_)) { $commands[$_] } else { $_ }
		[System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $tip)
	}
}
`)
}
