#compdef ferry
# zsh completion for ferry, which answers itself

_ferry() {
	local -a answers
	answers=("${(@f)$(${(Q)words[1]} __complete zsh ":$words[CURRENT]" "${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
	if [[ -n $answers ]]; then
		_describe argument answers
	else
		_files
	fi
}

if [ "$funcstack[1]" = _ferry ]; then
	_ferry "$@"
else
	compdef _ferry ferry
fi
