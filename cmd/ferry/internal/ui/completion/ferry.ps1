# PowerShell completion for ferry, which answers itself
Register-ArgumentCompleter -Native -CommandName ferry -ScriptBlock {
	param($wordToComplete, $commandAst, $cursorPosition)
	$words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
	$before = @($words | Select-Object -Skip 1)
	& $words[0] __complete powershell ":$wordToComplete" @before 2>$null | ForEach-Object {
		$word, $tip = $_ -split "`t", 2
		[System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $(if ($tip) { $tip } else { $word }))
	}
}
