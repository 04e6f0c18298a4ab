// One run of writers through a tool: what came of each line, how fast, and what it cost.
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { writersApp } from './app.js'
import { Keep } from './consumers.js'
import { checkLines } from './line-check.js'
import { nowMs } from './output.js'
import { LINE_BYTES } from './payload.js'
import { cpuMs, peakResidentMb } from './proc.js'
import { Session, sessionFolder } from './session.js'

/** Long enough for the harness to read the manager's CPU time once more before it ends. */
const LINGER_MS = 200
const RUN_TIMEOUT_MS = 90_000
/** No output for so long, all writers done: what has not come is lost. */
const GIVE_UP_MS = 2_000
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
    // Helpers begin a moment after that: who needs them for one line needs them for a million, and no more.
    const areHelpersSeen = nowMs() - began > 2 * SCAN_MS
    if (canBeAll && areHelpersSeen && keep.lines() >= lines && allWritten()) return
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
export const isHeld = (tool) => !tool.goesOn || tool.cutsAtEnd === true

function outcome({ tool, writers, perWriter, keep, watch, times }) {
  const lines = writers * perWriter
  if (tool.readsNothing) return { lines: lines / (times.end - times.begin) / 1e3, writerMs: times.own }
  const check = checkLines(keep.bytes, keep.length, writers, perWriter)
  if (check.whole === 0) throw new Error('not one whole line came')
  return {
    lines: check.whole / (keep.timeOf(check.lastEnd) - times.begin) / 1e3,
    cpu: (watch.cpuMs() * 1e3) / lines,
    peak: watch.peakMb(),
    lost: check.lost,
    torn: check.torn,
    doubled: check.doubled,
    disordered: check.disordered,
    writerMs: times.own,
  }
}

/**
 * `writers` writers of `perWriter` lines each. Gives { lines: millions a second, writerMs: what the slowest writer
 * took } and, of a tool whose output is read, { cpu: microseconds a line, peak: MB, lost, torn, doubled,
 * disordered: lines }. `output` as in lib/session.js. Throws when there is no figure.
 */
export async function runLines({ tool, writers, perWriter, held, context, output }) {
  const lines = perWriter * writers
  const dir = sessionFolder()
  const app = writersApp({ writers, lines: perWriter, linger: held ? 'forever' : LINGER_MS, dir })
  const keep = new Keep(lines * LINE_BYTES * 2.6 + 16e6)
  const session = new Session({ tool, app, dir, consumer: keep, peers: context.peers, output })
  const watch = new Watch(session)
  try {
    await untilAllCame({ session, keep, watch, app, lines, readsNothing: tool.readsNothing })
    if (!(await session.endsWithin(held ? 0 : 5_000))) await session.stop()
    return outcome({ tool, writers, perWriter, keep, watch, times: writersTimes(app) })
  } catch (error) {
    const words = session.lastWords()
    throw words === '' ? error : new Error(`${error.message}: ${words}`)
  } finally {
    const left = await session.close()
    if (left.length > 0)
      context.samples.trouble(tool.name, `left ${left.length} of ${writers} writers behind`)
  }
}
