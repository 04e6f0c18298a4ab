import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export interface ScaleOptions {
  readonly wait?: true
  readonly json?: true
}

export function scaleCommand(): Command {
  const command = new Command('scale')
    .description('change how many run of each type; without changes, print the formation')
    .argument('[changes...]', 'a count, or one to add or take away: web=3 worker+1 clock-1')
    .option('--wait', 'return when the new set is up, within 60 s')
    .option('--json', 'print JSON')
  withOptions(command, 'place', 'state', 'engine')
  return command.action(async (words: string[]) => {
    const { scale } = await import('./scale-action.ts')
    await scale(words, flagsOf(command), command.opts<ScaleOptions>())
  })
}
