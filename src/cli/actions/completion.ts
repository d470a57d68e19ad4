/** `sluice completion`: the scripts only ask the program itself, so they never grow old. */
import type { Call } from '../command.ts'

export async function printCompletion({ args, deps }: Call<object>): Promise<number> {
  deps.stdout.write(SCRIPTS[args[0] ?? ''] ?? '')
  return Promise.resolve(0)
}

const BASH = `# bash completion for sluice
_sluice() {
  local IFS=$'\\n' words=("\${COMP_WORDS[@]:1:COMP_CWORD}") current="\${COMP_WORDS[COMP_CWORD]}" line
  # What bash has split at = and : stays whole for us as long as it is one word of the line.
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    if [[ "$line" == ":files" ]]; then
      compopt -o default 2>/dev/null
    elif [[ "$line" == "$current"* ]]; then
      COMPREPLY+=("$line")
    fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _sluice sluice ./sluice
`

const ZSH = `#compdef sluice
_sluice() {
  local -a candidates
  local value what files=0
  while IFS=$'\\t' read -r value what; do
    if [[ "$value" == ":files" ]]; then
      files=1
    else
      candidates+=("\${value//:/\\\\:}\${what:+:$what}")
    fi
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe 'sluice' candidates
  (( files )) && _files
}
if [[ "\${funcstack[1]}" == "_sluice" ]]; then
  _sluice "$@"
else
  compdef _sluice sluice ./sluice
fi
`

const FISH = `# fish completion for sluice
function __sluice_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c sluice -f -a '(__sluice_complete)'
`

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
