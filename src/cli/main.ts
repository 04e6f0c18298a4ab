import { Command, CommanderError, type OutputConfiguration } from 'commander'
import type { Flags } from '../core/settings.ts'
import { columns, isTerminal, mention, say } from '../runtime/terminal.ts'
import { checkCommand } from './check.ts'
import { completeCommand, completionCommand } from './completion.ts'
import { envCommand } from './env.ts'
import { exportCommand } from './export.ts'
import { logsCommand } from './logs.ts'
import { flagsOf } from './options.ts'
import { portsCommand } from './ports.ts'
import { proveCommand } from './prove.ts'
import { psCommand } from './ps.ts'
import { reloadCommand } from './reload.ts'
import { carryOut } from './report.ts'
import { restartCommand } from './restart.ts'
import { routeCommand } from './route.ts'
import { runCommand } from './run.ts'
import { scaleCommand } from './scale.ts'
import { startCommand } from './start.ts'
import { stopCommand } from './stop.ts'
import { superviseCommand } from './supervise.ts'
import { versionCommand } from './version.ts'
import { versionLine } from './version-text.ts'
import { withCommand } from './with.ts'

const STDOUT = 1
const STDERR = 2

const COMMANDS: Readonly<Record<string, () => Command>> = {
  start: startCommand,
  ps: psCommand,
  scale: scaleCommand,
  restart: restartCommand,
  stop: stopCommand,
  logs: logsCommand,
  reload: reloadCommand,
  run: runCommand,
  with: withCommand,
  prove: proveCommand,
  check: checkCommand,
  ports: portsCommand,
  env: envCommand,
  export: exportCommand,
  completion: completionCommand,
  version: versionCommand,
}
const HIDDEN = [superviseCommand, routeCommand, completeCommand]

/** The whole command line, or only the command that is named first: to make them all takes longer than one runs. */
function program(first: string): Command {
  const named = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined
  const wanted =
    named === undefined
      ? { visible: Object.values(COMMANDS), hidden: HIDDEN }
      : { visible: [named], hidden: [] }
  const tw = new Command('tw-run')
    .description('Runs a Procfile as stateless, share-nothing processes.')
    .usage('<command> [options]')
    .option('-V, --version', 'print the version')
    .enablePositionalOptions()
    .helpCommand('help [command]', 'print help, also of one command')
    .addHelpText('after', '\nMost options are also variables, such as TW_RUN_PORT, in the shell or .env.')
    .on('option:version', () => {
      say(STDOUT, versionLine())
      throw new CommanderError(0, 'commander.version', '')
    })
  for (const make of wanted.visible) tw.addCommand(make())
  for (const make of wanted.hidden)
    tw.addCommand(
      make(() => tw),
      { hidden: true },
    )
  for (const command of [tw, ...tw.commands])
    command.exitOverride().configureOutput(output()).showSuggestionAfterError()
  return tw
}

/** All of commander's writing and asking, so that it never touches process.stdout. */
function output(): OutputConfiguration {
  return {
    writeOut: (text) => void say(STDOUT, text),
    writeErr: (text) => mention(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'tw-run: ')),
    getOutHelpWidth: () => columns(STDOUT) ?? 80,
    getErrHelpWidth: () => columns(STDERR) ?? 80,
    getOutHasColors: () => isTerminal(STDOUT),
    getErrHasColors: () => isTerminal(STDERR),
  }
}

/** `help help` is asking for all of it; help on what is no command is as wrong as the command, and says so. */
function withoutVainHelp(words: readonly string[], { commands }: Command): readonly string[] {
  const [first, topic = ''] = words
  if (first !== 'help' || topic === '' || topic.startsWith('-')) return words
  const isCommand = commands.some((command) => command.name() === topic || command.aliases().includes(topic))
  return isCommand ? words : [topic]
}

/** Runs the command line and sets the exit code. */
export async function main(words: readonly string[]): Promise<void> {
  const [first = ''] = words
  const tw = program(first)
  let flags: Flags = {}
  tw.hook('preAction', (_, command) => void (flags = flagsOf(command)))
  await carryOut(async () => {
    try {
      if (words.length === 0) tw.help({ error: true })
      await tw.parseAsync([...withoutVainHelp(words, tw)], { from: 'user' })
      return undefined
    } catch (error) {
      if (!(error instanceof CommanderError)) throw (await import('./same-app.ts')).ofSameApp(error, flags)
      return error.exitCode === 0 ? 0 : 2
    }
  })
}
