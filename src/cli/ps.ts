import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export interface PsOptions {
  readonly json?: true
  readonly stats?: true
  readonly watch?: true
  readonly verbose?: true
}

export function psCommand(): Command {
  const command = new Command('ps')
    .alias('status')
    .description('print what runs: phase, pid, port, how long, restarts, last exit')
    .option('--stats', 'also CPU and memory')
    .option('--watch', 'again every second')
    .option('--verbose', 'also the state directory and the pid of the supervisor')
    .option('--json', 'print JSON')
  withOptions(command, 'place', 'state', 'engine')
  return command.action(async () => {
    const { ps } = await import('./ps-action.ts')
    await ps(flagsOf(command), command.opts<PsOptions>())
  })
}
