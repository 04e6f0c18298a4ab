import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { didYouMean, parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import type { EngineHere } from '../runtime/engine-place.ts'
import { descriptorCeiling } from '../runtime/descriptors.ts'
import { LogReader } from '../runtime/log-reader.ts'
import { tail } from '../runtime/log-tail.ts'
import type { DatedLine } from '../runtime/log-tail.ts'
import { Lookout } from '../runtime/lookout.ts'
import { view } from '../runtime/observer.ts'
import { ReaderWatch } from '../runtime/reader-watch.ts'
import { keptRuns, knownProcesses, runNumbers, runPath } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { LogsOptions } from './logs.ts'
import { revive } from './control.ts'
import { nothingRuns } from './nothing-runs.ts'
import { linePrinter } from './print-lines.ts'
import type { PrintLines } from './print-lines.ts'

const STDOUT = 1
const NEWLINE = 0x0a
const LOOK_AGAIN_MS = 50

/** Prints what processes have written, from their logs alone. Errors: TwRunError. */
export async function logs(
  targets: readonly string[],
  { state, settings }: EngineHere,
  options: LogsOptions,
): Promise<number> {
  // Listed before the session is read: what is here by now and not of that one is of an earlier one, not of a later one.
  const before = new Map(options.follow === true ? newestRuns(state) : [])
  const seen = view(state)
  const { session, slots } = seen
  if (session === undefined) throw nothingRuns(seen)
  const ids = chosen(targets, state)
  const types = Object.keys(session.counts)
  const print = await linePrinter(settings, types, ids)
  const over = new Set(slots.runs().flatMap(({ life, token }) => (life === 'dead' ? token : [])))
  const shown = showTails({ state, session: session.id, ids, over }, options, print)
  for (const [id, number] of before) if (!shown.has(id)) shown.set(id, { number, offset: Infinity })
  if (options.follow === true) await follow(state, targets, print, shown)
  return 0
}

function newestRuns(state: StateDir): [ProcessId, number][] {
  if (!existsSync(state.processes)) return []
  return knownProcesses(state).map((id) => [id, runNumbers(state, id).at(-1) ?? 0])
}

/** The processes on disk that the words name: types and single processes; all if there are none. */
function chosen(words: readonly string[], state: StateDir): ProcessId[] {
  const known = knownProcesses(state)
  const types = [...new Set(known.map((id) => parseProcessId(id)?.type ?? id))]
  const unknown = words.find((word) => !known.some((id) => id === word) && !types.includes(word))
  if (unknown !== undefined) {
    throw new TwRunError(`no process "${unknown}" has run here`, {
      exitCode: 2,
      hint: didYouMean(unknown, [...types, ...known], 'there are'),
    })
  }
  return known.filter((id) => isChosen(id, words)).toSorted()
}

function isChosen(id: ProcessId, words: readonly string[]): boolean {
  return words.length === 0 || words.includes(id) || words.includes(parseProcessId(id)?.type ?? '')
}

interface Chosen {
  readonly state: StateDir
  /** Of earlier ones there may be logs too. */
  readonly session: string
  readonly ids: readonly ProcessId[]
  /** The tokens of the newest runs that write no more. */
  readonly over: ReadonlySet<string>
}

interface Place {
  readonly number: number
  /** Up to where it was shown, bytes; of a run that is none of ours all of it was. */
  readonly offset: number
  /** When the line that follows was begun (ms since 1970), if that was before the end was looked at. */
  readonly begunAt?: number | undefined
}

/** How far the newest run of each process has been shown. */
type Shown = Map<ProcessId, Place>

function showTails({ state, session, ids, over }: Chosen, options: LogsOptions, print: PrintLines): Shown {
  const { lines: count, since } = options
  const shown: Shown = new Map()
  const lines = ids.flatMap((id) => {
    const runs = keptRuns(state, id).filter((run) => run.session === session)
    const own = runs.flatMap(({ number, token }) => {
      // What follows shows the rest of a line with its beginning.
      const isGrowing = options.follow === true && number === runs.at(-1)?.number && !over.has(token)
      const found = tail(runPath(state, id, number), count, isGrowing ? 'whole' : 'all')
      shown.set(id, { number, offset: found.end, begunAt: found.begunAt })
      return found.lines
    })
    return own.slice(-count || own.length).map((line) => ({ ...line, id }))
  })
  const from = since === undefined ? 0 : Date.now() - since
  const wanted = count === 0 ? [] : lines.filter(({ time }) => time >= from)
  // A stable sort: lines of one second keep the order of their process.
  for (const { id, bytes, time } of wanted.toSorted((a, b) => a.time - b.time)) print(id, bytes, time)
  return shown
}

interface Following {
  readonly print: PrintLines
  readonly shown: Shown
  readonly logs: OpenLogs
}

/** The log of each process that is read now: that of one run. */
class OpenLogs {
  readonly #state: StateDir
  readonly #ceiling = descriptorCeiling()
  readonly #readers = new Map<ProcessId, { readonly number: number; readonly reader: LogReader }>()

  constructor(state: StateDir) {
    this.#state = state
  }

  of(id: ProcessId, number: number): LogReader {
    const known = this.#readers.get(id)
    if (known?.number === number) return known.reader
    known?.reader.close()
    const reader = new LogReader(runPath(this.#state, id, number), this.#ceiling)
    this.#readers.set(id, { number, reader })
    return reader
  }
}

/** Goes on until the formation is over and all of it is shown, or nobody reads. */
async function follow(
  state: StateDir,
  words: readonly string[],
  print: PrintLines,
  shown: Shown,
): Promise<void> {
  let isRead = true
  const reader = new ReaderWatch(STDOUT, () => (isRead = false))
  reader.begin()
  const lookout = new Lookout(state)
  const following = { print, shown, logs: new OpenLogs(state) }
  while (isRead) {
    const seen = lookout.look()
    revive(seen)
    const isOver = seen.session?.over !== false && !seen.slots.runs().some(({ life }) => life === 'alive')
    const chosenRuns = seen.slots.runs().filter(({ id }) => isChosen(id, words))
    const found = chosenRuns.map((run) => showNew(state, run, following))
    if (found.includes('unread') || (isOver && !found.includes('more'))) break
    await sleep(LOOK_AGAIN_MS)
  }
  reader.end()
}

/** Shows what came of a process since the last look: of earlier runs the rest, of its newest what is there. */
function showNew(
  state: StateDir,
  run: Run,
  { print, shown, logs }: Following,
): 'more' | 'nothing' | 'unread' {
  let found: 'more' | 'nothing' = 'nothing'
  for (const number of unshownRuns(state, run, shown.get(run.id)?.number)) {
    const isOver = number !== run.number || run.life === 'dead'
    const log = logs.of(run.id, number)
    for (;;) {
      const before = shown.get(run.id)
      const place: Place = before?.number === number ? before : { number, offset: 0 }
      const next = place.offset === Infinity ? undefined : log.linesFrom(place.offset, isOver)
      shown.set(run.id, next === undefined ? place : { number, offset: place.offset + next.bytes.length })
      if (next === undefined) break
      found = 'more'
      if (!dated(next, place.begunAt).every(({ bytes, time }) => print(run.id, bytes, time))) return 'unread'
    }
  }
  return found
}

/** The lines that came, of which the first may have been begun long before. */
function dated(lines: DatedLine, begunAt: number | undefined): DatedLine[] {
  if (begunAt === undefined) return [lines]
  const { bytes, time } = lines
  const end = bytes.indexOf(NEWLINE) + 1 || bytes.length
  const first = { bytes: bytes.subarray(0, end), time: begunAt }
  return end === bytes.length ? [first] : [first, { bytes: bytes.subarray(end), time }]
}

/** The numbers of the runs of which there may be something to show, oldest first: in between a session may have ended. */
function unshownRuns(state: StateDir, { id, number }: Run, last: number | undefined): number[] {
  if (last === number) return [number]
  return keptRuns(state, id)
    .map((run) => run.number)
    .filter((one) => one >= (last ?? 0) && one <= number)
}
