import { Command } from 'commander'
import type { Flags } from '../core/settings.ts'
import { flagsOf, withOptions } from './options.ts'

interface StartOptions {
  readonly detach?: true
  readonly wait?: true
  readonly publish?: string
  readonly readOnly?: true
}

export function startCommand(): Command {
  const command = new Command('start')
    .description('run the formation until Ctrl-C or until it ends; with -D, in the background')
    .argument('[type...]', 'run only these types (default: all but the stages)')
    .option('-D, --detach', 'return when all are up, and leave them running in the background')
    .option('--wait', 'with --detach or an engine: return when all are ready, within 60 s')
    .option('--publish <port>', 'on swarm: a port of every node that leads to web')
    .option('--read-only', 'on kubernetes: nothing but TMPDIR can be written to')
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
    'engine',
    'image',
  )
  return command.action(async (types: string[]) => {
    const { detach, wait, publish, readOnly, ...flags } = flagsOf(command) as Flags & StartOptions
    const { reachEngine, rememberLocal } = await import('./engine.ts')
    const { here, reached } = await reachEngine(flags)
    if (reached !== undefined) {
      const { startOn, portOf } = await import('./engine-start-action.ts')
      const options = { wait: wait === true, publish: portOf(publish), readOnly: readOnly === true }
      process.exitCode = await startOn(reached, { ...flags, types }, options)
      return
    }
    if (publish !== undefined || readOnly === true) {
      command.error("error: '--publish' and '--read-only' are for an engine", { exitCode: 2 })
    }
    rememberLocal(here)
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
