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
    const { reachEngine } = await import('./engine.ts')
    const { here, reached } = await reachEngine(flagsOf(command))
    if (reached !== undefined) {
      const { scaleOn } = await import('./engine-control-action.ts')
      await scaleOn(reached, words, command.opts<ScaleOptions>())
      return
    }
    const { scale } = await import('./scale-action.ts')
    await scale(words, here.state, command.opts<ScaleOptions>())
  })
}
