import { Command } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export interface RestartOptions {
  readonly rolling?: true
  readonly wait?: true
}

const ROLLING = `
--rolling stops at the first process that does not get ready. With --restart
on-failure or always the rest runs on as it was. With no, the default, a version
that ends by itself ends the formation, as any process does.`

export function restartCommand(): Command {
  const command = new Command('restart')
    .description('replace processes, with the Procfile and the environment as they are now')
    .argument('[targets...]', 'process types and processes: web worker.2 (default: all)')
    .option('--rolling', 'one at a time, the next when the one before is ready')
    .option('--wait', 'return when all are up again, within 60 s')
    .addHelpText('after', ROLLING)
  withOptions(command, 'place', 'state', 'engine')
  return command.action(async (targets: string[]) => {
    const { restart } = await import('./restart-action.ts')
    await restart(targets, flagsOf(command), command.opts<RestartOptions>())
  })
}
