import { Command } from 'commander'

/** The supervisor of a detached formation; started by `start --detach` and by whoever finds it dead. */
export function superviseCommand(): Command {
  return new Command('supervise')
    .argument('<flags>')
    .option('--revive')
    .action(async (text: string, { revive = false }: { revive?: boolean }) => {
      const { supervise } = await import('./supervise-action.ts')
      process.exitCode = await supervise(text, revive)
    })
}
