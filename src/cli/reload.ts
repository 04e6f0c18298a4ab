import { Command } from 'commander'
import { say } from '../runtime/terminal.ts'
import { flagsOf, withOptions } from './options.ts'

export function reloadCommand(): Command {
  const command = new Command('reload').description(
    'take an edited Procfile in: new types start, gone ones stop, changed commands restart',
  )
  withOptions(command, 'place', 'state')
  return command.action(async () => {
    const { findState } = await import('../runtime/observer.ts')
    const { command: send } = await import('./ask.ts')
    const lines = await send(findState(flagsOf(command)), { do: 'reload' })
    say(1, `${lines.join('\n')}\n`)
  })
}
