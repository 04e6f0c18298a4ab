import { Command } from 'commander'
import { say } from '../runtime/terminal.ts'

/**
 * Each asks `tw-run complete -- <words>`: the words of the line up to the cursor, the last one perhaps empty. One
 * candidate a line comes back; where none does, the shell offers files.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  // Bash cuts words at = and colons, and replaces only what follows the last one: they are joined for tw-run, and
  // cut off again from what it says.
  bash: `_tw_run() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() word i IFS=$'\\n'
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i > 0)) && [[ $line != [[:blank:]]* ]]; then
      words[\${#words[@]}-1]+=$word
    else
      line=\${line#"\${line%%[![:blank:]]*}"}
      words+=("$word")
    fi
    line=\${line#"$word"}
  done
  local current=\${words[\${#words[@]}-1]} cut=
  [[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && cut=\${current%=*}=
  COMPREPLY=()
  for word in $(tw-run complete -- "\${words[@]}" 2>/dev/null); do
    COMPREPLY+=("\${word#"$cut"}")
  done
  # A count comes after it, without a blank.
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -o default -F _tw_run tw-run
`,
  // By eval it defines the function; as a file of fpath it is the function, which is called at once.
  zsh: `#compdef tw-run
_tw_run() {
  local -a found counts others
  found=(\${(f)"$(tw-run complete -- "\${(@)words[1,CURRENT-1]}" "$PREFIX" 2>/dev/null)"})
  counts=(\${(M)found:#*=})
  others=(\${found:#*=})
  if (( $#found == 0 )); then
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='
    _files
  else
    compadd -S '' -a counts
    compadd -a others
  fi
}
if [ "$funcstack[1]" = "_tw_run" ]; then
  _tw_run "$@"
else
  compdef _tw_run tw-run
fi
`,
  fish: `function __tw_run_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found (tw-run complete -- $words "$current" 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    set -l option (string match -r -- '^--[^=]+=' "$current")
    for path in (__fish_complete_path (string replace -r -- '^--[^=]+=' '' "$current"))
      printf '%s\\n' "$option$path"
    end
  end
end
complete -c tw-run -f -a '(__tw_run_complete)'
`,
}

const INSTALL = `
Put one line into the file that your shell reads at its start:
  bash  ~/.bashrc                   eval "$(tw-run completion bash)"
  zsh   ~/.zshrc, after compinit    eval "$(tw-run completion zsh)"
  fish  ~/.config/fish/config.fish  tw-run completion fish | source`

export function completionCommand(): Command {
  return new Command('completion')
    .description('print the completions for a shell: bash, zsh or fish')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', INSTALL)
    .action((shell: string, _options: unknown, command: Command) => {
      const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
      if (script === undefined)
        command.error(`error: no completions for "${shell}": bash, zsh or fish`, { exitCode: 2 })
      else say(1, script)
    })
}

/** What the scripts ask: one candidate a line. */
export function completeCommand(program: () => Command): Command {
  return new Command('complete').argument('[words...]').action(async (words: string[]) => {
    const { completions } = await import('./completions.ts')
    const candidates = await completions(program(), words)
    say(1, candidates.map((word) => `${word}\n`).join(''))
  })
}
