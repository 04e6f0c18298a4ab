import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { streamOf } from '../support/byte-streams.ts'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { asShown, readJson, readPlain, readPretty } from '../support/reading.ts'
import { requires } from '../support/requirement.ts'
import { makeApp } from '../support/rig.ts'
import type { TestApp } from '../support/rig.ts'

/** Every byte of four processes that write as fast as they can comes out, whole-lined, wherever it goes. */

const NAMES = ['a', 'b', 'c', 'd'] as const
const LINES = 200_000
const DEADLINE_MS = 60_000
/** How much more memory than idle tw-run may take, whatever the processes write. */
const OF_IDLE = 1.3

/** Of one write, bytes: a prime, so that writes end within lines and within characters. */
const WRITE = 4093
const SLOW_READER = new URL('../support/slow-reader.py', import.meta.url).pathname
const TERMINAL = new URL('../support/terminal.py', import.meta.url).pathname

const FORMATS = {
  pretty: { options: [], read: readPretty, expected: 'shown' },
  plain: { options: ['--log-format', 'plain'], read: readPlain, expected: 'shown' },
  json: { options: ['--log-format', 'json'], read: readJson, expected: 'bytes' },
} as const

/** Where stdout goes: what starts tw-run ("$@") so, with `out` as the copy of all that it wrote. */
const PLACES = {
  'a file': 'exec "$@" >out',
  'a pipe': '{ echo $$ >pid; "$@"; echo $? >code; } | cat >out; exit $(cat code)',
  'a terminal': `exec python3 ${TERMINAL} keys out "$@"`,
} as const

const test = requires('linux', 'python3')
/** What each process writes, and how its lines are shown. */
const streams = new Map<string, { readonly bytes: Buffer; readonly shown: Buffer }>()
let written: TestApp

beforeAll(() => {
  for (const name of NAMES) {
    const bytes = streamOf(name, LINES)
    streams.set(`${name}.1`, { bytes, shown: asShown(bytes) })
  }
  written = makeApp(Object.fromEntries([...streams].map(([name, { bytes }]) => [name, bytes])))
})
afterAll(() => written.cleanup())

function appOf(): LiveApp {
  const line = (name: string): string =>
    `${name}: dd if=${written.path(`${name}.1`)} bs=${WRITE} status=none && touch ${name}.done\n`
  return liveApp({ Procfile: NAMES.map(line).join(''), 'home/.keep': '' })
}

/** Each is the first of its user: what others have had compiled would make one smaller, and another larger. */
function homeOf(app: LiveApp): Record<string, string> {
  return { HOME: app.path('home'), XDG_CACHE_HOME: '' }
}

/** Goes on until all four have ended; colours would stand between the prefixes and the bytes. */
function startIn(app: LiveApp, script: string, options: readonly string[]): LiveRun {
  const args = ['start', '--restart', 'on-failure', '--no-color', '-p', String(portAt(0)), ...options]
  return app.startBy(['sh', '-c', script, 'sh', process.execPath], args, homeOf(app))
}

function expectAll(output: Buffer, format: keyof typeof FORMATS): void {
  const { read, expected } = FORMATS[format]
  const found = read(output)
  for (const [process, { [expected]: wanted }] of streams) {
    // Not toEqual, which would print megabytes.
    expect(found.get(process)?.length, `bytes of ${process}`).toBe(wanted.length)
    expect(found.get(process)?.equals(wanted), `the bytes of ${process}`).toBe(true)
  }
}

describe.each(Object.keys(FORMATS) as (keyof typeof FORMATS)[])('%s', (format) => {
  const { options } = FORMATS[format]

  test.for(Object.keys(PLACES) as (keyof typeof PLACES)[])(
    'into %s',
    { timeout: DEADLINE_MS },
    async (place) => {
      const app = appOf()
      const run = startIn(app, PLACES[place], options)
      expect(await run.ended, run.output()).toBe(0)
      const output = readFileSync(app.path('out'))
      // The terminal makes \r\n of \n.
      expectAll(place === 'a terminal' ? withoutReturns(output) : output, format)
    },
  )

  test('into a pipe whose reader pauses', { timeout: DEADLINE_MS }, async () => {
    const app = appOf()
    const run = startIn(
      app,
      `{ sh -c 'echo $$ >pid; exec "$@"' sh "$@"; echo $? >code; } | python3 ${SLOW_READER} go out; exit $(cat code)`,
      options,
    )
    const pid = await until('the pid of tw-run', () => Number(fileText(app.path('pid'))))
    const isDone = (): boolean => NAMES.every((name) => existsSync(app.path(`${name}.done`)))
    // The reader takes nothing until it is told to: no process waits for it.
    await until('the end of all writers', isDone, DEADLINE_MS / 2)
    // It may be there later than all of them.
    await until('the reader to be there', () => existsSync(app.path('out')))
    expect(statSync(app.path('out')).size).toBeLessThanOrEqual(4096)
    writeFileSync(app.path('go'), '')
    let peak = 0
    await until(
      'the end',
      () => {
        peak = Math.max(peak, memoryOf(pid)?.own ?? 0)
        return existsSync(app.path('code'))
      },
      DEADLINE_MS / 2,
    )
    expect(await run.ended, run.output()).toBe(0)
    expectAll(readFileSync(app.path('out')), format)
    const idle = await idleMemory()
    expect(peak - idle.own + idle.all).toBeLessThan(idle.all * OF_IDLE)
  })
})

function withoutReturns(output: Buffer): Buffer {
  return Buffer.from(output.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}

function fileText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

interface Memory {
  /** MB, as all here. */
  readonly all: number
  /** Without what it shares with others: of the program of Node the kernel maps in 4 MB more or less, as it likes. */
  readonly own: number
}

/** What a process takes now; undefined if it has ended. */
function memoryOf(pid: number): Memory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const [all, own] = ['VmRSS', 'RssAnon'].map((name) => {
      const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status) ?? []
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
    })
    return all === undefined || own === undefined ? undefined : { all, own }
  } catch {
    return undefined
  }
}

let idleOnce: Memory | undefined

/** What tw-run takes for four processes that say nothing. */
async function idleMemory(): Promise<Memory> {
  if (idleOnce !== undefined) return idleOnce
  const app = liveApp({ Procfile: NAMES.map((name) => `${name}: sleep 1000\n`).join(''), 'home/.keep': '' })
  const run = app.start(['-p', String(portAt(0))], homeOf(app))
  await run.waitFor(/d\.1 on/)
  // It is idle when it has loaded all that it needs, and kept what was compiled.
  let [most, since] = [{ all: 0, own: 0 }, performance.now()]
  await until('its memory to come to rest', () => {
    const now = memoryOf(run.pid) ?? most
    if (now.own > most.own) [most, since] = [now, performance.now()]
    return performance.now() - since > 1_500
  })
  idleOnce = most
  run.signal('SIGINT')
  await run.ended
  return most
}
