import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export function startCommand(): Command {
  const command = new Command('start')
    .description('run the formation in the foreground until Ctrl-C, or until it ends')
    .argument('[type...]', 'run only these types (default: all but the stages)')
  withOptions(
    command,
    'app',
    'environment',
    'formation',
    'stop',
    'restart',
    'output',
    'color',
    'state',
    'release',
  )
  return command.action(async (types: string[]) => {
    const { start } = await import('./start-action.ts')
    process.exitCode = await start(types, flagsOf(command))
  })
}
