import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import {
  eventually,
  exampleApp,
  filesOf,
  passWhileReplaced,
  REPLACED,
  runItsTests,
  startExample,
  stopExample,
} from '../support/example.ts'
import { until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { pythonWith, requires } from '../support/requirement.ts'

const test = requires('linux', 'compressor', 'ss')
const COMPILED = /^staticfiles\/CACHE\/(css\/output\.[0-9a-f]{12}\.css|js\/output\.[0-9a-f]{12}\.js)$/

test('compiled in the build stage, it runs without writing a file', { timeout: 60_000 }, async () => {
  const { app, python, env } = djangoApp()
  const { code, stdout, stderr } = await app.cli(['run', 'build'], env)
  expect([code, stderr], stdout).toEqual([0, ''])
  const built = filesOf(app)
  expect(Object.keys(built).filter((path) => COMPILED.test(path))).toHaveLength(2)

  const web = await startExample(app, {
    port: portAt(10),
    webs: 3,
    router: true,
    args: ['web', ...REPLACED],
    env,
  })
  await passWhileReplaced(web, [python, 'test.py'])
  for (const name of ['web.1', 'web.2', 'web.3'])
    await web.run.waitFor(new RegExp(`${name} +\\| "GET / HTTP/1.1" 200`))
  await stopExample(web)
  expect(filesOf(app)).toEqual(built)
})

test('start --release builds before anything runs, and a request in flight at SIGTERM is answered', async () => {
  const { app, python, env } = djangoApp()
  const web = await startExample(app, { port: portAt(30), webs: 1, args: ['web', '--release'], env })
  const tested = await runItsTests(app, [python, 'test.py'], `http://127.0.0.1:${web.ports[0]}`)
  expect(tested.code, tested.output).toBe(0)

  const socket = connect(portAt(30), '127.0.0.1').setEncoding('utf8')
  let answer = ''
  socket.on('data', (chunk: string) => (answer += chunk)).write('GET / HTTP/1.0\r\n')
  await once(socket, 'connect')
  // The kernel takes it before the server does, whose end would be the end of those that still wait for it.
  await until('the server to take it', () => waitingAt(portAt(30)) === 0)
  const stopped = stopExample(web)
  await eventually(() => expect(fetch(`http://127.0.0.1:${portAt(30)}`)).rejects.toThrow('fetch failed'))
  socket.write('\r\n')
  await once(socket, 'close')
  expect(answer).toMatch(/^HTTP\/1\.0 200 OK\r\n[^]*<h1>Tea<\/h1>/)
  await stopped
})

/** How many connections to a port have not been taken by who listens there. */
function waitingAt(port: number): number {
  const { stdout } = spawnSync('ss', ['-Hltn', `sport = :${port}`], { encoding: 'utf8' })
  const [, waiting] = stdout.trim().split(/\s+/)
  return Number(waiting)
}

test('without the build stage it does not start, and says what to do', async () => {
  const { app, env } = djangoApp()
  const before = filesOf(app)
  const run = app.start(['web', '-p', String(portAt(40)), '--port-step', '10'], env)
  expect(await run.ended).toBe(1)
  expect(run.output()).toMatch(/web\.1 +\| the assets are not compiled: .* tw-run run build\n/)
  expect(filesOf(app)).toEqual(before)
})

test('compiled at the first request, the files appear while it runs', async () => {
  const { app, python, env } = djangoApp({ COMPILE_AT: 'request' })
  const before = filesOf(app)
  const web = await startExample(app, { port: portAt(60), webs: 2, router: true, args: ['web'], env })
  expect(filesOf(app)).toEqual(before)
  const tested = await runItsTests(app, [python, 'test.py'], web.url)
  expect(tested.code, tested.output).toBe(0)
  await stopExample(web)
  const added = Object.keys(filesOf(app)).filter((path) => before[path] === undefined)
  expect(added.filter((path) => COMPILED.test(path))).toHaveLength(2)
  expect(added.every((path) => path.startsWith('staticfiles/CACHE/'))).toBe(true)
})

test('compiled at the start, every process writes them', async () => {
  const { app, python, env } = djangoApp({ COMPILE_AT: 'start' })
  const web = await startExample(app, { port: portAt(80), webs: 2, router: true, args: ['web'], env })
  expect(Object.keys(filesOf(app)).filter((path) => COMPILED.test(path))).toHaveLength(2)
  for (const name of ['web.1', 'web.2']) await web.run.waitFor(new RegExp(`${name} +\\| Compressed 2 block`))
  const tested = await runItsTests(app, [python, 'test.py'], web.url)
  expect(tested.code, tested.output).toBe(0)
  await stopExample(web)
})

/** The example, with the Python that knows django-compressor as its python3. */
function djangoApp(more: Readonly<Record<string, string>> = {}): DjangoApp {
  const app = exampleApp('django-compressor')
  const python = pythonWith('compressor') ?? ''
  const programs = join(app.root, '../bin')
  mkdirSync(programs)
  symlinkSync(python, join(programs, 'python3'))
  return { app, python, env: { PATH: `${programs}:${process.env['PATH']}`, ...more } }
}

interface DjangoApp {
  readonly app: LiveApp
  readonly python: string
  readonly env: Readonly<Record<string, string>>
}
