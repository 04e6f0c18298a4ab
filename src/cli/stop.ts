import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export function stopCommand(): Command {
  const command = new Command('stop')
    .description('stop processes; without targets, the whole formation and its supervisor')
    .argument('[targets...]', 'process types and processes: web worker.2 (default: everything)')
  withOptions(command, 'place', 'state', 'engine')
  return command.action(async (targets: string[]) => {
    const { stop } = await import('./stop-action.ts')
    await stop(targets, flagsOf(command))
  })
}
