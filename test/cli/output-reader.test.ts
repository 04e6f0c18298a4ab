import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { done, seen, supervisorOf } from '../support/control.ts'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

/** Whoever reads the output may leave, stop, or have no room: supervision goes on, and tw-run can be ended. */

const test = requires('linux', 'python3')
const TERMINAL = new URL('../support/terminal.py', import.meta.url).pathname
/** More than any reader that pauses takes, and little enough for the disk. */
const FLOOD =
  'flood: while :; do yes "a line that fills every pipe in no time" | head -2000; sleep 0.02; done\n'
/** Says a line, then nothing. */
const SILENT = 'web: echo first; exec sleep 1000\n'
/** Counts its own starts in a file, which shows from outside that supervision goes on. */
const CRASHING = 'crash: echo start >>starts; sleep 0.1; exit 1\n'
/** At most ten seconds: a test that fails must not leave it waiting. */
const WAIT_FOR_GO = 'n=0; while [ ! -e go ] && [ $n -lt 1000 ]; do n=$((n + 1)); sleep 0.01; done'
const PORT = ['-p', String(portAt(0))]

function startBy(app: LiveApp, script: string, options: readonly string[] = []): LiveRun {
  return app.startBy(['sh', '-c', script, 'sh', process.execPath], ['start', ...PORT, ...options])
}

/** Of a file written by a shell in one go. */
function numberIn(path: string): number | undefined {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return text.endsWith('\n') ? Number(text) : undefined
}

/** A file of the newest run of a process, once there is one. */
function runFile(app: LiveApp, id: string, name: string): string | undefined {
  return existsSync(app.stateDir) ? app.runFile(id, name) : undefined
}

const starts = (app: LiveApp): number =>
  existsSync(app.path('starts')) ? readFileSync(app.path('starts'), 'utf8').split('\n').length - 1 : 0

test.for([
  ['a formation that talks on', FLOOD],
  ['a formation that goes silent', SILENT],
] as const)('head -1 ends %s', async ([, procfile]) => {
  const app = liveApp({ Procfile: procfile })
  const run = startBy(app, '{ "$@"; echo $? >code; } | head -1')
  expect(await run.ended).toBe(0)
  expect(run.lines(), run.output()).toHaveLength(1)
  expect(run.output()).toMatch(
    new RegExp(String.raw`^\d\d:\d\d:\d\d system +\| \w+\.1 on ${portAt(0)} \(pid \d+\)\n$`),
  )
  expect(numberIn(app.path('code'))).toBe(141)
  expect(app.survivors()).toEqual([])
})

test('a pipe that somebody made non-blocking and filled', async () => {
  const app = liveApp({ Procfile: 'web: echo first; echo last\n' })
  const fill = `import fcntl, os, sys
fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)
try:
    while True: os.write(1, b"." * 4095 + b"\\n")
except BlockingIOError: pass
os.execvp(sys.argv[1], sys.argv[1:])`
  writeFileSync(app.path('fill.py'), fill)
  const run = startBy(app, `python3 fill.py "$@" | { ${WAIT_FOR_GO}; exec grep -v "^\\\\."; }`)
  await until('the end of the process', () => runFile(app, 'web.1', 'exit') !== undefined)
  writeFileSync(app.path('go'), '')
  await run.ended
  expect(run.output().replaceAll(/^\S+ /gm, '')).toMatch(
    /^system \| web\.1 on .*\nweb\.1 +\| first\nweb\.1 +\| last\nsystem \| web\.1 ended.*\nsystem \| all stopped.*\n$/,
  )
  expect(app.survivors()).toEqual([])
})

test('a full disk: goes on, says so once, and ends by SIGINT with 130', async () => {
  const app = liveApp({ Procfile: CRASHING + FLOOD })
  const run = startBy(app, 'echo $$ >pid; exec "$@" >/dev/full', ['--restart', 'always'])
  const pid = await until('the pid', () => numberIn(app.path('pid')))
  await until('two restarts', () => starts(app) >= 3)
  expect(run.output()).toBe(
    'tw-run: the output cannot be written (ENOSPC: no space left on device, write): trying again, the logs keep it\n',
  )
  process.kill(pid, 'SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.lines()).toHaveLength(2)
  expect(run.lines()[1]).toMatch(/^tw-run: the output is not complete: ENOSPC/)
  expect(app.survivors()).toEqual([])
})

/** Sends a signal, and when all has stopped and tw-run still waits for its reader, another one. */
async function insist(app: LiveApp, pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal)
  await until('the end of the flood', () => app.survivors().every(isNotFlood))
  const done = performance.now()
  const isThere = (): boolean => app.survivors().some((one) => one.pid === pid)
  // A wrapper may hand on a signal twice, which is not a second one.
  await until('a moment', () => performance.now() - done > 500)
  expect(isThere()).toBe(true)
  process.kill(pid, signal)
  await until('the end of tw-run', () => !isThere())
}

const isNotFlood = ({ command }: { command: string }): boolean => !command.includes('while :; do yes')

/** A start on a terminal, and how to type there. */
function onTerminal(
  app: LiveApp,
  options: readonly string[] = [],
): { run: LiveRun; type: (keys: string) => void } {
  const run = startBy(app, `exec python3 ${TERMINAL} keys shown "$@"`, options)
  return { run, type: (keys) => writeFileSync(app.path('keys'), keys) }
}

const CTRL_C = '\u0003'
const CTRL_S = '\u0013'
const CTRL_Q = '\u0011'

/** Freezes the terminal, and waits until it shows nothing more. */
async function freeze(app: LiveApp, type: (keys: string) => void): Promise<void> {
  type(CTRL_S)
  let size = -1
  let since = performance.now()
  await until('a frozen terminal', () => {
    const now = statSync(app.path('shown')).size
    if (now !== size) since = performance.now()
    size = now
    return performance.now() - since > 300
  })
}

test('a terminal under Ctrl-S: supervision goes on, nothing is lost', async () => {
  const app = liveApp({ Procfile: CRASHING + FLOOD })
  const { run, type } = onTerminal(app, ['--restart', 'always', '--no-color'])
  await until('output', () => existsSync(app.path('shown')) && statSync(app.path('shown')).size > 100_000)
  await freeze(app, type)
  const before = starts(app)
  await until('a restart', () => starts(app) > before)
  type(CTRL_Q)
  const size = statSync(app.path('shown')).size
  await until('output again', () => statSync(app.path('shown')).size > size)
  type(CTRL_C)
  expect(await run.ended).toBe(130)
  const shown = readFileSync(app.path('shown'), 'utf8')
  expect(shown.slice(-200)).toMatch(/all stopped, nothing left running \(SIGINT\)\r\n$/)
  const text = /^\d\d:\d\d:\d\d flood\.1 +\| a line that fills every pipe in no time\r$/
  const odd = shown.split('\n').filter((line) => line.includes('flood.1  |') && !text.test(line))
  expect(odd.slice(0, 3)).toEqual([])
})

test('a terminal under Ctrl-S: the second Ctrl-C ends tw-run', async () => {
  const app = liveApp({ Procfile: FLOOD })
  const { run, type } = onTerminal(app)
  await until('output', () => existsSync(app.path('shown')) && statSync(app.path('shown')).size > 100_000)
  await freeze(app, type)
  const [tw] = app.survivors().filter(({ command }) => command.includes('dist/cli/tw-run.cjs start'))
  // Not typed: a key may wake the terminal.
  await insist(app, tw?.pid ?? NaN, 'SIGINT')
  expect(await run.ended, run.output()).toBe(130)
  expect(app.survivors()).toEqual([])
})

test('a reader that never reads again: a signal ends tw-run when all has stopped', async () => {
  const app = liveApp({ Procfile: FLOOD })
  const run = startBy(
    app,
    `{ sh -c 'echo $$ >pid; exec "$@"' sh "$@"; echo $? >code; } | { ${WAIT_FOR_GO}; }`,
  )
  const pid = await until('the pid', () => numberIn(app.path('pid')))
  await until('output', () => (runFile(app, 'flood.1', 'log')?.length ?? 0) > 1_000_000)
  await insist(app, pid, 'SIGTERM')
  expect(await until('the code', () => numberIn(app.path('code')))).toBe(143)
  writeFileSync(app.path('go'), '')
  expect(await run.ended).toBe(0)
  expect(app.survivors()).toEqual([])
})

test('a reader that never reads again: stop is done when all has stopped, and everybody says who is left', async () => {
  const app = liveApp({ Procfile: FLOOD })
  const run = startBy(app, `"$@" | { ${WAIT_FOR_GO}; }`)
  await until('output', () => (runFile(app, 'flood.1', 'log')?.length ?? 0) > 1_000_000)
  const pid = supervisorOf(app)
  const there = `tw-run (pid ${pid}) waits for somebody to read its output`
  const way = `read it, or end it with: kill ${pid}`
  expect(await done(app, 'stop')).toBe(
    `stopping everything\nall stopped, nothing left running; ${there} (${way})\n`,
  )
  expect(await done(app, 'ps')).toBe(`nothing runs here; ${there} (${way})\n`)
  for (const verb of ['start', 'start -D'])
    expect(await app.cli([...verb.split(' '), ...PORT])).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: the last run here has ended, and ${there}\n  hint: ${way}\n`,
    })
  for (const verb of ['scale', 'scale flood=2', 'stop'])
    expect(await app.cli(verb.split(' '))).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: nothing runs here; ${there}\n  hint: ${way}\n`,
    })
  process.kill(pid, 'SIGTERM')
  await until('the end of tw-run', () => seen(app).supervisor === undefined)
  expect(seen(app).session?.ending?.reason).toEqual({ kind: 'asked' })
  writeFileSync(app.path('go'), '')
  expect(await run.ended).toBe(0)
  expect(app.survivors()).toEqual([])
})

test('a reader that leaves when all has stopped is not why', async () => {
  const app = liveApp({ Procfile: FLOOD })
  const run = startBy(app, `"$@" | { ${WAIT_FOR_GO}; }`)
  await until('output', () => (runFile(app, 'flood.1', 'log')?.length ?? 0) > 1_000_000)
  await done(app, 'stop')
  writeFileSync(app.path('go'), '')
  expect(await run.ended).toBe(0)
  expect(seen(app)).toMatchObject({
    supervisor: undefined,
    session: { ending: { reason: { kind: 'asked' } } },
  })
})
