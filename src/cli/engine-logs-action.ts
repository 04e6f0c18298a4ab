import { wantsColor } from '../core/color.ts'
import { TwRunError } from '../core/error.ts'
import { didYouMean, parseProcessId } from '../core/names.ts'
import { quoteSh } from '../core/quote-sh.ts'
import { resolveSettings } from '../core/settings.ts'
import type { Flags } from '../core/settings.ts'
import type { LineSink } from '../runtime/engine.ts'
import { Interruption } from '../runtime/interruption.ts'
import { loadApp } from '../runtime/load.ts'
import { Outbox } from '../runtime/outbox.ts'
import { ReaderWatch } from '../runtime/reader-watch.ts'
import { makeRender } from '../runtime/render.ts'
import type { Render } from '../runtime/render.ts'
import { isTerminal, say } from '../runtime/terminal.ts'
import { nothingRunsOn } from './engine.ts'
import type { Reached } from './engine.ts'
import { inputOf } from './engine-start-action.ts'
import type { LogsOptions } from './logs.ts'

const STDOUT = 1
const LINES = 100
const NEWLINE = Buffer.from('\n')

/** Prints what processes there have written, as `logs` does here. Errors: TwRunError. */
export async function logsOn(
  { engine }: Reached,
  targets: readonly string[],
  { follow, lines = LINES, since }: LogsOptions,
  flags: Flags,
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
  const width = Math.max('system'.length, ...rows.map(({ process }) => process.length))
  const render = await renderFor(flags, names, width)
  const counted = new Map<string, number>()
  const interruption = new Interruption()
  const reader = new ReaderWatch(STDOUT, () => interruption.end())
  if (follow === true) reader.begin()
  const sink: LineSink = ({ process: id, time, text }) => {
    const seq = (counted.get(id) ?? 0) + 1
    counted.set(id, seq)
    return write(render, Buffer.concat([text, NEWLINE]), { process: id, seq, time })
  }
  const { over } = interruption
  await engine.logs({ targets, lines, since, follow: follow === true, over }, sink)
  reader.end()
  interruption.release()
  return interruption.code ?? 0
}

async function renderFor(flags: Flags, types: readonly string[], width: number): Promise<Render> {
  const { settings } = resolveSettings({ flags, shell: process.env, files: [] })
  const { logFormat: format, timestamps, prefix } = settings
  const color = wantsColor(settings.color, process.env, isTerminal(STDOUT))
  const paint = color ? (await import('../runtime/paint.ts')).makePaint(types) : undefined
  return makeRender({ format, timestamps, prefix, width: () => width, paint })
}

const out = new Outbox()

/** False once nobody reads. */
function write(
  render: Render,
  bytes: Buffer,
  chunk: { process: string; seq: number; time: number },
): boolean {
  out.clear()
  render(bytes, { ...chunk, isPartial: false }, out)
  return say(STDOUT, out.bytes)
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
