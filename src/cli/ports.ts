import { Command } from 'commander'
import { say } from '../runtime/terminal.ts'
import { flagsOf, withOptions } from './options.ts'

export function portsCommand(): Command {
  const command = new Command('ports')
    .description('print the port of every process, and who holds it now')
    .argument('[type...]', 'only these types (default: all but the stages)')
    .option('--json', 'print JSON')
  withOptions(command, 'app', 'environment', 'formation', 'state')
  return command.action(async (types: string[]) => {
    const { loadApp, requireProcesses } = await import('../runtime/load.ts')
    const { holderText, listenersOn } = await import('../runtime/listeners.ts')
    const { table } = await import('./messages.ts')
    const app = loadApp({ ...flagsOf(command), types }, process.env)
    requireProcesses(app)
    const holders = listenersOn(app.plan.map(({ port }) => port))
    const rows = app.plan.map(({ id, type, instance, port }) => {
      const held = holders.filter((holder) => holder.port === port)
      return {
        process: id,
        type,
        instance,
        port,
        holders: held.map(({ pid, command: words }) => ({ pid, command: words })),
      }
    })
    if (command.opts<{ json?: true }>().json === true) say(1, `${JSON.stringify(rows)}\n`)
    else
      say(
        1,
        table(rows.map((row) => [row.process, String(row.port), holdersText(row.holders.map(holderText))])),
      )
  })
}

function holdersText(holders: readonly string[]): string {
  return holders.length === 0 ? 'free' : `held by ${holders.join(', ')}`
}
