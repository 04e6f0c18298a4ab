import { didYouMean, parseProcessId } from '../core/names.ts'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import type { App } from '../runtime/load.ts'

/** A process that was named and is not in the formation; exit code 2. */
export function noSuchProcess(name: string, { plan, types }: App): TwRunError {
  const ids = plan.map(({ id }) => id)
  const type = parseProcessId(name)?.type ?? name
  const known = types.some((candidate) => candidate.name === type)
  const hint =
    known && !ids.includes(`${type}.1`) ? `${type} runs 0 times; give it a count with --formation` : undefined
  return new TwRunError(`no process "${printable(name)}" in the formation`, {
    exitCode: 2,
    hint: hint ?? didYouMean(ids.includes(`${name}.1`) ? `${name}.1` : name, ids, 'processes'),
  })
}

/** Text columns, two blanks apart; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => `${line}\n`).join('')
}
