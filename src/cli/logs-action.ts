import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { didYouMean, parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import type { Run } from '../core/process.ts'
import type { EngineHere } from '../runtime/engine-place.ts'
import { linesFrom, tail } from '../runtime/log-tail.ts'
import { view } from '../runtime/observer.ts'
import { ReaderWatch } from '../runtime/reader-watch.ts'
import { keptRuns, knownProcesses, runPath } from '../runtime/run-directory.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import type { LogsOptions } from './logs.ts'
import { revive } from './control.ts'
import { nothingRuns } from './nothing-runs.ts'
import { linePrinter } from './print-lines.ts'
import type { PrintLines } from './print-lines.ts'

const STDOUT = 1
const LOOK_AGAIN_MS = 50

/** Prints what processes have written, from their logs alone. Errors: TwRunError. */
export async function logs(
  targets: readonly string[],
  { state, settings }: EngineHere,
  options: LogsOptions,
): Promise<number> {
  const seen = view(state)
  const { session, slots } = seen
  if (session === undefined) throw nothingRuns(seen)
  const ids = chosen(targets, state)
  const types = Object.keys(session.counts)
  const print = await linePrinter(settings, types, ids)
  const over = new Set(slots.runs().flatMap(({ life, token }) => (life === 'dead' ? token : [])))
  const shown = showTails({ state, session: session.id, ids, over }, options, print)
  if (options.follow === true) await follow(state, targets, { print, shown })
  return 0
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

/** How far the newest run of each process has been shown. */
type Shown = Map<ProcessId, { number: number; offset: number }>

function showTails({ state, session, ids, over }: Chosen, options: LogsOptions, print: PrintLines): Shown {
  const { lines: count, since } = options
  const shown: Shown = new Map()
  const lines = ids.flatMap((id) => {
    const runs = keptRuns(state, id).filter((run) => run.session === session)
    const own = runs.flatMap(({ number, token }) => {
      // What follows shows the rest of a line with its beginning.
      const isGrowing = options.follow === true && number === runs.at(-1)?.number && !over.has(token)
      const found = tail(runPath(state, id, number), count, isGrowing ? 'whole' : 'all')
      shown.set(id, { number, offset: found.end })
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
}

/** Goes on until the formation is over and all of it is shown, or nobody reads. */
async function follow(state: StateDir, words: readonly string[], following: Following): Promise<void> {
  let isRead = true
  const reader = new ReaderWatch(STDOUT, () => (isRead = false))
  reader.begin()
  while (isRead) {
    const seen = view(state)
    revive(seen)
    const isOver = seen.session?.over !== false && !seen.slots.runs().some(({ life }) => life === 'alive')
    const chosenRuns = seen.slots.runs().filter(({ id }) => isChosen(id, words))
    const shown = chosenRuns.map((run) => showNew(state, run, following))
    if (shown.includes('unread') || (isOver && !shown.includes('more'))) break
    await sleep(LOOK_AGAIN_MS)
  }
  reader.end()
}

/** Shows what came of a process since the last look: of earlier runs the rest, of its newest what is there. */
function showNew(state: StateDir, run: Run, { print, shown }: Following): 'more' | 'nothing' | 'unread' {
  let found: 'more' | 'nothing' = 'nothing'
  for (const number of unshownRuns(state, run, shown.get(run.id)?.number)) {
    const isOver = number !== run.number || run.life === 'dead'
    for (;;) {
      const before = shown.get(run.id)
      const own = before?.number === number ? before : { number, offset: 0 }
      const bytes = linesFrom(runPath(state, run.id, number), own.offset, isOver)
      shown.set(run.id, { number, offset: own.offset + bytes.length })
      if (bytes.length === 0) break
      found = 'more'
      if (!print(run.id, bytes, Date.now())) return 'unread'
    }
  }
  return found
}

/** The numbers of the runs of which there may be something to show, oldest first. */
function unshownRuns(state: StateDir, { id, number, session }: Run, last: number | undefined): number[] {
  if (last === number) return [number]
  const since = keptRuns(state, id).filter((run) => run.session === session && run.number >= (last ?? 0))
  return since.map((run) => run.number).filter((one) => one <= number)
}
