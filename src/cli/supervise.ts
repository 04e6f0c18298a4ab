import { Command } from 'commander'
import type { Flags } from '../core/settings.ts'

/** The supervisor of a detached formation; started by `start --detach` and by whoever finds it dead. */
export function superviseCommand(): Command {
  return new Command('supervise')
    .argument('<flags>')
    .option('--revive')
    .action(async (text: string, { revive = false }: { revive?: boolean }) => {
      const { supervise } = await import('./supervise-action.ts')
      process.exitCode = await supervise(JSON.parse(text) as Flags, revive)
    })
}
