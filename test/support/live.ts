import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect } from 'vitest'
import { BIN, makeApp, twRunEnvironment } from './rig.ts'
import type { TestApp } from './rig.ts'

/** The longest that anything in a test may take, ms: a deadline, not a wait. */
const DEADLINE_MS = 15_000
/** How much longer a pause is than the look before it. */
const SHARE = 4
const MARK = 'TW_TEST_MARK'

/** Waits until the condition gives something true; after the deadline it fails and says what was awaited. */
export async function until<T>(
  what: string | (() => string),
  condition: () => T,
  deadline = DEADLINE_MS,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadline
  for (;;) {
    const asked = performance.now()
    const value = condition()
    if (value) return value
    const answered = performance.now()
    if (answered > end) {
      throw new Error(`not within ${deadline} ms: ${typeof what === 'string' ? what : what()}`)
    }
    // Who looks at every process of the machine, and again at once, takes its time from what it waits for.
    await sleep(Math.min(10 + SHARE * (answered - asked), 100))
  }
}

/** Removes a folder that somebody makes files in meanwhile, as who types it again where it "is not empty". */
export async function removedInUse(folder: string): Promise<void> {
  await until(`${folder} to be gone`, () => {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
    }
    return !existsSync(folder)
  })
}

/** kill -9 of one process; 0, or a number that is none, would be the test's own group. */
export function kill9(pid: number | undefined): void {
  if (pid === undefined || !(pid > 1)) throw new Error(`no process to kill: ${pid}`)
  process.kill(pid, 'SIGKILL')
}

/** A tw-run that goes on while the test does. */
export interface LiveRun {
  readonly child: ChildProcess
  readonly pid: number
  /** Everything on stdout and stderr up to now. */
  output(): string
  lines(): string[]
  waitFor(pattern: RegExp, deadline?: number): Promise<RegExpExecArray>
  signal(signal: NodeJS.Signals): void
  /** The exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

/** An app whose processes, and their descendants, can be counted from outside tw-run. */
export interface LiveApp extends TestApp {
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): LiveRun
  /** The same by another program than Node, such as `sh`: its arguments, then tw-run's. */
  startBy(
    command: readonly string[],
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): LiveRun
  /** Living processes of this app, tw-run's own excepted. */
  survivors(): { pid: number; command: string }[]
  /** What is left in the folder where scratch directories are made. */
  scratch(): string[]
  /** The state directory of the project. */
  state(): string
  /** A file of the newest run of a process. */
  runFile(id: string, name: string): string | undefined
}

const apps = new Set<LiveApp & { readonly mark: string; readonly runs: LiveRun[] }>()

/** Makes an app; whatever of it lives after the test is ended, and makes the test fail. */
export function liveApp(files: Readonly<Record<string, string | Uint8Array>>): LiveApp {
  const app = makeApp(files)
  const mark = randomUUID()
  const scratch = join(app.root, '..', 'tmp')
  mkdirSync(scratch)
  const runs: LiveRun[] = []
  const startBy: LiveApp['startBy'] = (command, args = [], env = {}) => {
    const [file = '', ...rest] = [...command, BIN, ...args]
    const child = spawn(file, rest, {
      cwd: app.root,
      env: { ...twRunEnvironment(), TW_RUN_STATE_DIR: app.stateDir, TMPDIR: scratch, [MARK]: mark, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const run = liveRun(child)
    runs.push(run)
    return run
  }
  const live = {
    ...app,
    mark,
    runs,
    startBy,
    start: (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
      startBy([process.execPath], ['start', ...args], env),
    cli: (args: readonly string[], env = {}) => app.cli(args, { [MARK]: mark, TMPDIR: scratch, ...env }),
    scratch: () => readdirSync(scratch),
    survivors: () => marked(mark).filter(({ pid }) => !runs.some((run) => run.pid === pid)),
    state: () => join(app.stateDir, readdirSync(app.stateDir)[0] ?? ''),
    runFile: (id: string, name: string) => newestRunFile(app.stateDir, id, name),
  }
  apps.add(live)
  return live
}

function liveRun(child: ChildProcess): LiveRun {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  const pid = child.pid ?? 0
  return {
    child,
    pid,
    ended,
    output: () => text,
    lines: () => text.split('\n').slice(0, -1),
    waitFor: (pattern, deadline) =>
      until(
        () => `${pattern} in:\n${text}`,
        () => pattern.exec(text),
        deadline,
      ),
    signal: (signal) => void process.kill(pid, signal),
  }
}

/** Ctrl-C, and nothing is left. */
export async function endsClean(app: LiveApp, run: LiveRun): Promise<void> {
  run.signal('SIGINT')
  expect(await run.ended, run.output()).toBe(130)
  expect(app.survivors()).toEqual([])
}

function newestRunFile(stateDir: string, id: string, name: string): string | undefined {
  const folder = join(stateDir, readdirSync(stateDir)[0] ?? '', 'processes', id)
  if (!existsSync(folder)) return undefined
  const newest = Math.max(
    0,
    ...readdirSync(folder)
      .map(Number)
      .filter((number) => !Number.isNaN(number)),
  )
  const path = join(folder, String(newest), name)
  return existsSync(path) ? readFileSync(path, 'latin1') : undefined
}

function marked(mark: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      // Node reads UTF-8 by one call, which takes a third of any other.
      if (!readFileSync(`/proc/${name}/environ`, 'utf8').includes(`${MARK}=${mark}`)) return []
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8')
        .replaceAll(/[\0\s]+/g, ' ')
        .trim()
      return command === '' ? [] : [{ pid: Number(name), command }]
    } catch {
      // It ended meanwhile, or is not ours to see.
      return []
    }
  })
}

afterEach(async () => {
  const left: string[] = []
  for (const app of apps) {
    for (const run of app.runs)
      if (run.child.exitCode === null && run.child.signalCode === null) run.signal('SIGKILL')
    for (const { pid, command } of app.survivors()) {
      left.push(`${command} (pid ${pid})`)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself in this moment.
      }
    }
    // Only now: a survivor may hold the other end of a run's output.
    await Promise.all(app.runs.map(({ ended }) => ended.catch(() => 'failed')))
    await until('what a test left over to be gone', () => app.survivors().length === 0)
    app.cleanup()
  }
  apps.clear()
  expect(left, 'processes left over by the test').toEqual([])
})
