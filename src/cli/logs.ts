import { Command, InvalidArgumentError } from 'commander'
import { flagsOf, withOptions } from './options.ts'

export interface LogsOptions {
  readonly follow?: true
  readonly lines?: number
  /** ms. */
  readonly since?: number
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export function logsCommand(): Command {
  const command = new Command('logs')
    .description('print what processes have written, also with no supervisor and after the end')
    .argument('[targets...]', 'process types and processes: web worker.2 (default: all)')
    .option('-f, --follow', 'go on with what they write from now on')
    .option('-n, --lines <n>', 'the last lines of each process (default: 100)', wholeNumber)
    .option('--since <time>', 'only what was written in the last 30s, 5m, 2h, 1d', milliseconds)
  withOptions(command, 'place', 'output', 'color', 'state')
  return command.action(async (targets: string[]) => {
    const { logs } = await import('./logs-action.ts')
    process.exitCode = await logs(targets, command.opts<LogsOptions>(), flagsOf(command))
  })
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number, such as 100.')
  return Number(text)
}

function milliseconds(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (count === undefined) throw new InvalidArgumentError('It is a number and s, m, h or d, such as 5m.')
  return Number(count) * (UNITS[unit] ?? 1)
}
