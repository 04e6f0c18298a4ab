import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { portAt } from '../support/ports.ts'
import { makeApp, twRunEnvironment } from '../support/rig.ts'

const RUN_DRIVER = fileURLToPath(new URL('../support/one-off-driver.js', import.meta.url))
const START_DRIVER = fileURLToPath(new URL('../support/start-driver.js', import.meta.url))
const app = makeApp({ Procfile: 'code: exit $CODE\nsignal: ulimit -c 0; kill -$SIGNAL $$\n' })
afterAll(() => app.cleanup())

const CODES = Array.from({ length: 256 }, (_, code) => code)
/** Those that end no process, or only stop it. */
const HARMLESS = ['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH']
const DEADLY = Object.entries(constants.signals).filter(([name]) => !HARMLESS.includes(name))
/** By number: no two shells know the same names. */
const NAMED = [...new Set(DEADLY.map(([, number]) => number))]
/** 32 and 33 are the C library's own; there are none on macOS. */
const REAL_TIME = process.platform === 'linux' ? Array.from({ length: 31 }, (_, index) => 34 + index) : []
const SIGNALS = [...NAMED, ...REAL_TIME]
const AFTER_SIGNALS = SIGNALS.map((signal) => 128 + signal)
const SOME = [0, 1, 2, 3, 7, 126, 127, 128, 130, 143, 255]
const AT_ONCE = 4
const MANY_MS = 180_000

test('there are 23 signals with a name to die of', { skip: process.platform !== 'linux' }, () => {
  expect(NAMED).toHaveLength(23)
})

describe('start', () => {
  test('passes every exit code on', { timeout: MANY_MS }, async () => {
    expect(await startEach(CODES.map((code) => ['code', { CODE: String(code) }]))).toEqual(CODES)
  })

  test('passes every signal on as 128 + its number', { timeout: MANY_MS }, async () => {
    const ends = await startEach(SIGNALS.map((signal) => ['signal', { SIGNAL: String(signal) }]))
    expect(ends).toEqual(AFTER_SIGNALS)
  })

  test('what it passes on is the exit code of tw-run', async () => {
    const results = await eachOf(SOME, (code, place) => {
      // Each has a state directory and a port of its own: they run beside each other.
      const args = ['--port', String(portAt(place)), '--state-dir', `${app.stateDir}-${place}`]
      return app.cli(['start', 'code', ...args], { CODE: String(code) })
    })
    expect(results.map(({ code }) => code)).toEqual(SOME)
  })
})

describe('run', () => {
  test('passes every exit code of a type on', { timeout: MANY_MS }, async () => {
    expect(await runEach(CODES.map((code) => [['code'], false, { CODE: String(code) }]))).toEqual(CODES)
  })

  test('passes every exit code of a command on', { timeout: MANY_MS }, async () => {
    expect(await runEach(CODES.map((code) => [['sh', '-c', `exit ${code}`], true, {}]))).toEqual(CODES)
  })

  test('passes every signal on as 128 + its number', { timeout: MANY_MS }, async () => {
    const ofTypes = await runEach(SIGNALS.map((signal) => [['signal'], false, { SIGNAL: String(signal) }]))
    const ofCommands = await runEach(
      SIGNALS.map((signal) => [['sh', '-c', `ulimit -c 0; kill -${signal} $$`], true, {}]),
    )
    expect([ofTypes, ofCommands]).toEqual([AFTER_SIGNALS, AFTER_SIGNALS])
  })

  test('what it passes on is the exit code of tw-run', async () => {
    const results = await eachOf(SOME, (code) => app.cli(['run', '--', 'sh', '-c', `exit ${code}`]))
    expect(results).toEqual(SOME.map((code) => ({ code, stdout: '', stderr: '' })))
  })
})

type Start = readonly [type: string, env: Record<string, string>]

/** The exit codes of `tw-run start <type>` in these environments, by two processes that do half of them each. */
async function startEach(starts: readonly Start[]): Promise<number[]> {
  const halves = [0, 1].map((half) => starts.filter((_, index) => index % 2 === half))
  const codes = await Promise.all(halves.map(startAll))
  return starts.map((_, index) => codes[index % 2]?.[Math.floor(index / 2)] ?? -1)
}

async function startAll(starts: readonly Start[], place: number): Promise<number[]> {
  const folder = app.path(`starts-${place}`)
  const args = [`${folder}/codes`, folder, String(portAt(place))]
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const driver = spawn(process.execPath, [START_DRIVER, ...args], {
    cwd: app.root,
    env: twRunEnvironment(),
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  driver.stdin.end(JSON.stringify(starts))
  await once(driver, 'close')
  return JSON.parse(readFileSync(`${folder}/codes`, 'utf8')) as number[]
}

type OneOff = readonly [words: readonly string[], separated: boolean, env: Record<string, string>]

/** The exit codes of these one-off processes, by the code behind `tw-run run` in a process that does them all. */
async function runEach(oneOffs: readonly OneOff[]): Promise<unknown> {
  const driver = spawn(process.execPath, [RUN_DRIVER], {
    cwd: app.root,
    env: { ...twRunEnvironment(), TW_RUN_STATE_DIR: app.stateDir },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  driver.stdin.end(JSON.stringify(oneOffs))
  let answer = ''
  for await (const chunk of driver.stdout.setEncoding('utf8')) answer += chunk as string
  return JSON.parse(answer)
}

/** Does the work for every item, a few at once, and returns the results in the order of the items. */
async function eachOf<Item, Result>(
  items: readonly Item[],
  work: (item: Item, place: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const left = [...items.entries()]
  const takeTurns = async (place: number): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      results[next[0]] = await work(next[1], place)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, place) => takeTurns(place)))
  return results
}
