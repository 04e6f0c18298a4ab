import { Command, Option } from 'commander'
import { say } from '../runtime/terminal.ts'

/** `$1`, the command, then the words before the one that is completed; one candidate a line comes back. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_tw_run() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(tw-run complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tw_run tw-run
`,
  zsh: `#compdef tw-run
_tw_run() {
  local -a found
  found=("\${(@f)$(tw-run complete -- "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  compadd -a found
}
compdef _tw_run tw-run
`,
  fish: `complete -c tw-run -f -a '(tw-run complete -- (commandline -opc)[2..] 2>/dev/null)'
`,
}

export function completionCommand(): Command {
  return new Command('completion')
    .description('print the completions for a shell: bash, zsh or fish')
    .argument('<shell>')
    .addHelpText('after', '\nFor bash: eval "$(tw-run completion bash)" in ~/.bashrc.')
    .action((shell: string, _options: unknown, command: Command) => {
      const script = SCRIPTS[shell]
      if (script === undefined)
        command.error(`error: no completions for "${shell}": bash, zsh or fish`, { exitCode: 2 })
      else say(1, script)
    })
}

/** What the scripts ask: one candidate a line. */
export function completeCommand(program: () => Command): Command {
  return new Command('complete').argument('[words...]').action(async (words: string[]) => {
    const names = program()
      .commands.filter((one) => !(one as Command & { _hidden?: boolean })._hidden)
      .map((one) => ({ name: one.name(), options: one.options.filter((option: Option) => !option.hidden) }))
    const commands = names.map(({ name, options }) => ({
      name,
      options: options.flatMap((one) => one.long ?? []),
    }))
    const { completions } = await import('./completions.ts')
    say(1, (await completions(words, commands)).map((word) => `${word}\n`).join(''))
  })
}
