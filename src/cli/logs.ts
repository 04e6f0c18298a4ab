import { Command, InvalidArgumentError } from 'commander'
import { duration } from '../core/duration.ts'
import { flagsOf, withOptions } from './options.ts'

export interface LogsOptions {
  readonly follow?: true
  readonly lines: number
  /** ms. */
  readonly since?: number
}

/** How its lines look. */
const OWN = ['logFormat', 'timestamps', 'prefix', 'color'] as const

export function logsCommand(): Command {
  const command = new Command('logs')
    .description('print what processes have written, also with no supervisor and after the end')
    .argument('[targets...]', 'process types and processes: web worker.2 (default: all)')
    .option('-f, --follow', 'go on with what they write from now on')
    .option('-n, --lines <n>', 'the last lines of each process', wholeNumber, 100)
    .option('--since <time>', 'only what was written in the last 30s, 5m, 2h, 1d', milliseconds)
  withOptions(command, 'place', 'output', 'color', 'state', 'engine')
  return command.action(async (targets: string[]) => {
    const { reachEngine } = await import('./engine.ts')
    const { here, reached } = await reachEngine(flagsOf(command), OWN)
    if (reached !== undefined) {
      const { logsOn } = await import('./engine-logs-action.ts')
      process.exitCode = await logsOn(reached, targets, command.opts<LogsOptions>())
      return
    }
    const { logs } = await import('./logs-action.ts')
    process.exitCode = await logs(targets, here, command.opts<LogsOptions>())
  })
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number, such as 100.')
  return Number(text)
}

function milliseconds(text: string): number {
  const reading = duration(text)
  if ('not' in reading) throw new InvalidArgumentError(`It is not ${reading.not}.`)
  return reading.value
}
