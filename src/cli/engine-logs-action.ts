import { TwRunError } from '../core/error.ts'
import { didYouMean, parseProcessId } from '../core/names.ts'
import { quoteSh } from '../core/quote-sh.ts'
import type { Flags } from '../core/settings.ts'
import type { LineSink } from '../runtime/engine.ts'
import { Interruption } from '../runtime/interruption.ts'
import { loadApp } from '../runtime/load.ts'
import { ReaderWatch } from '../runtime/reader-watch.ts'
import { say } from '../runtime/terminal.ts'
import { nothingRunsOn } from './engine.ts'
import type { Reached } from './engine.ts'
import { inputOf } from './engine-start-action.ts'
import type { LogsOptions } from './logs.ts'
import { linePrinter } from './print-lines.ts'

const STDOUT = 1
const NEWLINE = Buffer.from('\n')

/** Prints what processes there have written, as `logs` does here. Errors: TwRunError. */
export async function logsOn(
  { engine, here }: Reached,
  targets: readonly string[],
  { follow, lines, since }: LogsOptions,
): Promise<number> {
  const { types, rows } = await engine.look()
  if (types.length === 0) throw nothingRunsOn(engine)
  const names = types.map(({ name }) => name)
  const unknown = targets.find((word) => !names.includes(parseProcessId(word)?.type ?? word))
  if (unknown !== undefined) {
    throw new TwRunError(`no process "${unknown}" on ${engine.name}`, {
      exitCode: 2,
      hint: didYouMean(unknown, names, 'there are'),
    })
  }
  const ids = rows.map(({ process: id }) => id)
  const print = await linePrinter(here.settings, names, ids)
  const interruption = new Interruption()
  const reader = new ReaderWatch(STDOUT, () => interruption.end())
  if (follow === true) reader.begin()
  const sink: LineSink = ({ process: id, time, text }) => print(id, Buffer.concat([text, NEWLINE]), time)
  const { over } = interruption
  try {
    await engine.logs({ targets, lines, since, follow: follow === true, over }, sink)
  } finally {
    reader.end()
    interruption.release()
  }
  return interruption.code ?? 0
}

/** Runs a one-off process there, without a terminal: its lines come here, and so does its exit code. */
export async function runOn(
  { engine }: Reached,
  words: readonly string[],
  separated: boolean,
  flags: Flags,
): Promise<number> {
  const app = loadApp({ ...flags, engine: engine.name }, process.env)
  const { input } = inputOf(app, flags, engine, [])
  if (input.image === undefined) throw nothingRunsOn(engine)
  const [first = '', ...rest] = words
  const type = separated ? undefined : app.types.find(({ name }) => name === first)
  const args = type === undefined ? words : rest
  const isForShell = type === undefined && rest.length === 0
  const added = args.map(quoteSh)
  const command = isForShell ? first : [...(type === undefined ? [] : [type.command]), ...added].join(' ')
  const stage = {
    name: type?.name ?? 'run',
    command,
    firstPort: type === undefined ? 0 : (app.ports.get(type.name) ?? 0),
  }
  return engine.runOnce(input, stage, ({ text }) => say(STDOUT, Buffer.concat([text, NEWLINE])))
}
