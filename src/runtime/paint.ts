import { Chalk } from 'chalk'
import { parseProcessId } from '../core/names.ts'

/** The 16 colours only: every terminal has them, in the person's own scheme. Red is left to errors. */
const COLORS = [
  'cyan',
  'yellow',
  'green',
  'magenta',
  'blue',
  'cyanBright',
  'yellowBright',
  'greenBright',
] as const

/** Colours a line's prefix by its process type, in the order of the Procfile; tw-run's own is grey. */
export function makePaint(types: readonly string[]): (process: string, text: string) => string {
  const chalk = new Chalk({ level: 1 })
  const colors = new Map(types.map((type, index) => [type, COLORS[index % COLORS.length] ?? 'cyan']))
  return (process, text) => chalk[colors.get(parseProcessId(process)?.type ?? '') ?? 'gray'](text)
}
