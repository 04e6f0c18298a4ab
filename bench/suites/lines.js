// Lines a second from one and from eight writers through a tool into a pipe, and what became of each line.
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { writersApp } from '../lib/app.js'
import { Keep } from '../lib/consumers.js'
import { checkLines } from '../lib/line-check.js'
import { nowMs } from '../lib/output.js'
import { LINE_BYTES } from '../lib/payload.js'
import { cpuMs, peakResidentMb } from '../lib/proc.js'
import { Budget, interleaved, mostRounds, roundsOf } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'

const LINES = 2_000_000
/** Writers by size; all sizes write the same number of lines. */
const SIZES = [1, 8]
/** Of the figure 'growth'. */
export const GROWTH_WRITERS = [1, 2, 4, 8, 16]
const ROUNDS = {
  lines: { own: 3, peers: 3, slow: 1 },
  growth: { own: 2, peers: 1 },
}
/** For all rounds of one tool with so many writers. */
const BUDGET_MS = 10_000
/** Long enough for the harness to read the manager's CPU time once more before it ends. */
const LINGER_MS = 200
const RUN_TIMEOUT_MS = 90_000
/** No output for so long, all writers done: what has not come is lost. */
const GIVE_UP_MS = 3_000
const FIRST_OUTPUT_MS = 20_000
const SAMPLE_MS = 20
const SCAN_MS = 250

/** CPU time and peak memory of the manager's processes while they live, helpers that ended included. */
class Watch {
  #session
  #cpu = new Map()
  #peak = new Map()
  #pids = []
  #scannedAt = 0

  constructor(session) {
    this.#session = session
  }

  look() {
    if (nowMs() - this.#scannedAt > SCAN_MS) {
      this.#pids = this.#session.managerPids()
      this.#scannedAt = nowMs()
    }
    for (const pid of this.#pids) {
      this.#cpu.set(pid, Math.max(this.#cpu.get(pid) ?? 0, cpuMs(pid)))
      this.#peak.set(pid, Math.max(this.#peak.get(pid) ?? 0, peakResidentMb(pid)))
    }
  }

  cpuMs = () => [...this.#cpu.values()].reduce((sum, ms) => sum + ms, 0)
  peakMb = () => [...this.#peak.values()].reduce((sum, mb) => sum + mb, 0)
}

/** Runs until the output ended, all lines came, or nothing more comes. Throws when there is no figure. */
async function untilAllCame({ session, keep, watch, app, lines, readsNothing }) {
  const began = nowMs()
  const allWritten = () => app.reports.every((report) => existsSync(report))
  for (;;) {
    watch.look()
    if (keep.overflow) throw new Error(`more than ${(keep.bytes.length / 1e6).toFixed(0)} MB of output`)
    if (readsNothing ? session.exit !== undefined : keep.ended) return
    if (session.exit?.error !== undefined) throw session.exit.error
    if (nowMs() - began > RUN_TIMEOUT_MS) throw new Error(`not through after ${RUN_TIMEOUT_MS / 1000} s`)
    if (!readsNothing && keep.length === 0 && nowMs() - began > FIRST_OUTPUT_MS) throw new Error('no output')
    // Counting takes a moment, so it waits for a pause that can be the end.
    const canBeAll = keep.length >= lines * LINE_BYTES && keep.quietMs() > 2 * SAMPLE_MS
    if (canBeAll && keep.lines() >= lines && allWritten()) return
    if (keep.quietMs() > GIVE_UP_MS && allWritten()) return
    await sleep(SAMPLE_MS)
  }
}

/** When the first writer began, when the last one was done, and the longest that one of them took; ms. */
function writersTimes(app) {
  const reports = app.reports
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')))
  if (reports.length < app.reports.length)
    throw new Error(`${app.reports.length - reports.length} writers did not finish`)
  const begins = reports.map(({ begin }) => Number(begin) / 1e6)
  const ends = reports.map(({ end }) => Number(end) / 1e6)
  return {
    begin: Math.min(...begins),
    end: Math.max(...ends),
    own: Math.max(...ends.map((end, i) => end - begins[i])),
  }
}

/** Whether the writers stay until the harness stops the tool, in the runs that give the rate. */
const isHeld = (tool) => !tool.goesOn || tool.cutsAtEnd === true

function record({ context, tool, writers, perWriter, keep, watch, times, held }) {
  const add = (figure, value) => context.samples.add(figure, writers, tool.name, value)
  const lines = writers * perWriter
  if (tool.readsNothing) {
    add('lines', lines / (times.end - times.begin) / 1e3)
    add('writerMs', times.own)
    return
  }
  const check = checkLines(keep.bytes, keep.length, writers, perWriter)
  if (check.whole === 0) throw new Error('not one whole line came')
  if (!held) add('lostAtEnd', check.lost)
  if (held !== isHeld(tool)) return
  add('lines', check.whole / (keep.timeOf(check.lastEnd) - times.begin) / 1e3)
  add('cpu', (watch.cpuMs() * 1e3) / lines)
  add('peak', watch.peakMb())
  add('lost', check.lost)
  add('torn', check.torn)
  add('doubled', check.doubled)
  add('disordered', check.disordered)
  add('writerMs', times.own)
}

async function runOnce({ tool, writers, context, held }) {
  // Rounded to whole lines a writer.
  const perWriter = Math.max(1, Math.round((LINES * context.scale) / (tool.slowness ?? 1) / writers))
  const lines = perWriter * writers
  const dir = sessionFolder()
  const app = writersApp({ writers, lines: perWriter, linger: held ? 'forever' : LINGER_MS, dir })
  const keep = new Keep(LINES * context.scale * LINE_BYTES * 2.6 + 16e6)
  const session = new Session({ tool, app, dir, consumer: keep, peers: context.peers })
  const watch = new Watch(session)
  try {
    await untilAllCame({ session, keep, watch, app, lines, readsNothing: tool.readsNothing })
    if (!(await session.endsWithin(held ? 0 : 5_000))) await session.stop()
    record({ context, tool, writers, perWriter, keep, watch, times: writersTimes(app), held })
  } catch (error) {
    const words = session.lastWords()
    throw words === '' ? error : new Error(`${error.message}: ${words}`)
  } finally {
    const left = await session.close()
    if (left.length > 0)
      context.samples.trouble(tool.name, `left ${left.length} of ${writers} writers behind`)
  }
}

/** How many rounds of so many writers are asked for. */
function wantedRounds(tool, writers, { figures, rounds }) {
  const wanted = [0]
  if (figures.includes('lines') && SIZES.includes(writers))
    wanted.push(rounds ?? roundsOf(ROUNDS.lines, tool))
  if (figures.includes('growth') && growsHere(tool)) wanted.push(rounds ?? roundsOf(ROUNDS.growth, tool))
  return Math.max(...wanted)
}

/** Whether there is anything to measure; a reason against it is noted. */
function isWanted(tool, writers, { peers, samples }) {
  const why = peers.get(tool.peer)?.why ?? tool.unfit?.('lines', writers)
  if (why !== undefined) samples.fail('lines', writers, tool.name, why)
  return samples.reason('lines', writers, tool.name) === undefined
}

async function run(context) {
  const budget = new Budget(BUDGET_MS, context.until)
  const rounds = context.rounds ?? mostRounds(ROUNDS.lines)
  const runs = interleaved({ sizes: GROWTH_WRITERS, rounds, tools: context.tools })
  for (const { size: writers, round, tool } of runs) {
    if (round >= wantedRounds(tool, writers, context)) continue
    if (!isWanted(tool, writers, context) || !budget.allows(`${tool.name} ${writers}`)) continue
    const step = `${writers === 1 ? 'one writer' : `${writers} writers`}, round ${round + 1} of ${rounds}: ${tool.name}`
    const began = nowMs()
    try {
      await runOnce({ tool, writers, context, held: isHeld(tool) })
      // One natural end shows what it drops.
      if (tool.cutsAtEnd && round === 0) await runOnce({ tool, writers, context, held: false })
      const rate = context.samples.values('lines', writers, tool.name).at(-1)
      context.progress(`${step}: ${rate.toFixed(2)} M lines a second`)
    } catch (error) {
      context.samples.fail('lines', writers, tool.name, error.message)
      context.progress(`${step}: ${error.message}`)
    }
    budget.spend(`${tool.name} ${writers}`, nowMs() - began)
  }
}

/** tw-run, its peers, and of the floors those that do the whole work. */
const growsHere = ({ name, kind, merges }) => name === 'tw-run' || kind === 'peer' || merges === true

const columns = (size) => [
  { figure: 'lines', size, title: 'M lines/s', digits: 2, ratio: true },
  { figure: 'cpu', size, title: 'CPU µs/line', digits: 3, ratio: true },
  { figure: 'peak', size, title: 'peak MB', digits: 0, ratio: true },
  { figure: 'lost', size, title: 'lost', digits: 0, worst: true },
  { figure: 'torn', size, title: 'torn', digits: 0, worst: true },
  { figure: 'doubled', size, title: 'doubled', digits: 0, worst: true },
  { figure: 'disordered', size, title: 'out of order', digits: 0, worst: true },
  { figure: 'lostAtEnd', size, title: 'lost at end', digits: 0, worst: true },
  { figure: 'writerMs', size, title: "writer's own ms", digits: 0, ratio: true, base: 'writer > file' },
]

export const lines = {
  figures: ['lines'],
  alsoFor: ['growth'],
  seconds: 165,
  run,
  tables: SIZES.map((size) => ({
    figure: 'lines',
    title: `Lines a second: ${size === 1 ? 'one writer' : `${size} writers`}, 100 bytes a line, into a pipe`,
    columns: columns(size),
    rounds: ROUNDS.lines,
  })),
  notes: ({ tools, scale }) => [
    "Lines: from the first writer's first write to the arrival of the last whole line. Worst round for lost, torn, doubled.",
    'Lost at end: when the tool ended by itself after the last writer; others were stopped when all had come.',
    "Writer's own ms: until the slowest writer had written all; × is to `writer > file`, which is what a process costs that nobody slows.",
    'CPU and peak memory (sum of VmHWM) are those of the manager and its helpers, its own start included.',
    `${(LINES * scale).toLocaleString('en')} lines in all${tools
      .filter(({ slowness }) => slowness !== undefined)
      .map(({ name, slowness }) => `; for ${name} a share of 1/${slowness}`)
      .join('')}.`,
    'mprocs shows one process at a time, in a terminal: its lines are counted in the log files that it writes.',
  ],
}
