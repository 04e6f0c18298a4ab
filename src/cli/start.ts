import { Command } from 'commander'
import type { Flags } from '../core/settings.ts'
import { flagsOf, withOptions } from './options.ts'
import type { StartOptions } from './start-as-asked.ts'

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
    const { startAsAsked } = await import('./start-as-asked.ts')
    process.exitCode = await startAsAsked(types, flags, { detach, wait, publish, readOnly })
  })
}
