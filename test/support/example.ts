import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { pids } from './control.ts'
import { liveApp } from './live.ts'
import type { LiveApp, LiveRun } from './live.ts'
import { cleanEnvironment } from './rig.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
/** From the ports of one type to those of the next. */
export const PORT_STEP = 10
const DEADLINE_MS = 15_000

/** A copy of an example, beside what the examples share, so that nothing is written into the repository. */
export function exampleApp(name: string): LiveApp {
  const app = liveApp({})
  // What somebody who tries the example has left there.
  const left = /\/(node_modules|uploads\/uploads|staticfiles)$/
  const copy = (from: string, to: string): void =>
    cpSync(join(REPOSITORY, 'examples', from), to, {
      recursive: true,
      filter: (source) => !left.test(source),
    })
  copy(name, app.root)
  copy('sessions-app', join(app.root, '../sessions-app'))
  symlinkSync(join(REPOSITORY, 'node_modules'), join(app.root, '../node_modules'))
  return app
}

/** Every file under the app's root, with a hash of what is in it. */
export function filesOf(app: LiveApp): Record<string, string> {
  const files = readdirSync(app.root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  const paths = files.map((file) => join(file.parentPath, file.name))
  return Object.fromEntries(
    paths.map((path) => [
      path.slice(app.root.length + 1),
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ]),
  )
}

/** Starts web processes, and whatever `args` ask for besides, and waits until each web and the router answer. */
export async function startExample(app: LiveApp, options: ExampleOptions): Promise<RunningExample> {
  const { port, webs, router = false, args = [], env = {} } = options
  const ports = [...Array(webs).keys()].map((index) => port + index)
  const start = ['-p', String(port), '--port-step', String(PORT_STEP), '--formation', `web=${webs}`]
  const front = port + PORT_STEP - 1
  const run = app.start([...start, ...(router ? ['--router', String(front)] : []), ...args], env)
  for (const one of router ? [...ports, front] : ports) await listening(one, run)
  return { app, run, ports, url: `http://127.0.0.1:${router ? front : port}` }
}

export interface ExampleOptions {
  /** Of web.1. */
  readonly port: number
  /** Less than PORT_STEP: the last port before those of the next type is the router's. */
  readonly webs: number
  /** Whether there is one in front of them. */
  readonly router?: boolean
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface RunningExample {
  readonly app: LiveApp
  readonly run: LiveRun
  readonly ports: readonly number[]
  /** Of the router, else of web.1. */
  readonly url: string
}

/** Ctrl-C: every process ends by itself within its grace period, and nothing of it is left. */
export async function stopExample({ app, run }: Pick<RunningExample, 'app' | 'run'>): Promise<void> {
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.output()).not.toMatch(/did not stop in its grace period/)
  expect(run.output()).toMatch(/all stopped, nothing left running \(SIGINT\)\n$/)
  // The other folder there is that of tw-run's sockets.
  expect(app.scratch().filter((name) => !/^tw-run-\d{1,10}$/.test(name))).toEqual([])
}

/** A backing service of its own for a test, by the Procfile in examples/services. */
export async function startService(name: 'redis' | 'memcached', port: number): Promise<RunningExample> {
  const app = exampleApp('services')
  const first = name === 'redis' ? port : port - PORT_STEP
  const run = app.start([name, '-p', String(first), '--port-step', String(PORT_STEP)])
  await listening(port, run)
  return { app, run, ports: [port], url: `http://127.0.0.1:${port}` }
}

/** Waits until something answers there, as long as the run goes on. */
export async function listening(port: number, run: LiveRun): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; ; await pause(20)) {
    const isOver = run.child.exitCode !== null || performance.now() > end
    if (isOver) throw new Error(`nothing of it listens on ${port}:\n${run.output()}`)
    if (await accepts(port)) return
  }
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Waits until this does not fail; after the deadline it fails with its last failure. */
export async function eventually(attempt: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; ; await pause(50)) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}

/** For `passWhileReplaced`. */
export const REPLACED = ['--recycle', '1s']

/** The tests of an example pass again and again, until every process was replaced by another one meanwhile. */
export async function passWhileReplaced(
  { app, url }: RunningExample,
  command: readonly [string, ...string[]],
): Promise<void> {
  const first = pids(app)
  const kept = (): string[] =>
    Object.entries(pids(app)).flatMap(([id, pid]) =>
      pid === first[id] && !id.startsWith('router') ? [id] : [],
    )
  do {
    const { code, output } = await runItsTests(app, command, url)
    expect(code, output).toBe(0)
  } while (kept().length > 0)
}

/** Runs the tests of an example against this address, as `tw-run prove` does. */
export async function runItsTests(
  app: LiveApp,
  command: readonly [string, ...string[]],
  url: string,
): Promise<{ code: number | null; output: string }> {
  const [file, ...args] = command
  const env = { ...cleanEnvironment(), BASE_URL: url, TW_RUN_URL: url }
  const child = spawn(file, args, { cwd: app.root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, output }
}
