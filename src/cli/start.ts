import { Command } from 'commander'
import type { Flags } from '../core/settings.ts'
import { flagsOf, withOptions } from './options.ts'

export function startCommand(): Command {
  const command = new Command('start')
    .description('run the formation until Ctrl-C or until it ends; with -D, in the background')
    .argument('[type...]', 'run only these types (default: all but the stages)')
    .option('-D, --detach', 'return when all are up, and leave them running in the background')
    .option('--wait', 'with --detach: return when all are ready, within 60 s')
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
    'sharing',
  )
  return command.action(async (types: string[]) => {
    const { detach, wait, ...flags } = flagsOf(command) as Flags & { detach?: true; wait?: true }
    if (detach === true) {
      const { startDetached } = await import('./detach-action.ts')
      process.exitCode = await startDetached({ ...flags, types }, wait === true ? 'ready' : 'up')
      return
    }
    if (wait === true) command.error("error: option '--wait' goes with '--detach'", { exitCode: 2 })
    const { start } = await import('./start-action.ts')
    process.exitCode = await start(types, flags)
  })
}
