# fish completion for ferry, which answers itself
function __ferry_complete
	set -l words (commandline -opc)
	set -l answers ($words[1] __complete fish :(commandline -ct) $words[2..-1] 2>/dev/null)
	if set -q answers[1]
		printf '%s\n' $answers
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c ferry -f -a '(__ferry_complete)'
