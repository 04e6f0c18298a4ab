import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rowsOf } from '../../src/runtime/observer.ts'
import { done, killSupervisor, rows, running, seen } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = ['-p', String(portAt(0))]

test('a taken port is refused before anything starts, and its holder named', async () => {
  const app = liveApp({ Procfile: 'web: touch started; sleep 100\nworker: touch started; sleep 100' })
  const server = createServer().listen(portAt(100), '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { code, stdout, stderr } = await app.cli(['start', ...PORT])
  server.close()
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toContain(`(pid ${process.pid})`)
  expect(stderr).toContain(`tw-run: port ${portAt(100)} of worker.1 is taken by `)
  expect(stderr).toContain('hint: ')
  expect(app.survivors()).toEqual([])
})

test('a command that is not found is that process alone, with 127 and the reason', async () => {
  const app = liveApp({ Procfile: 'web: sleep 100\nbad: no-such-command --flag' })
  const run = app.start([...PORT, '--restart', 'on-failure:1'])
  expect(await run.ended).toBe(127)
  expect(run.output()).toMatch(/bad\.1 .*no-such-command: not found/)
  expect(run.output()).toContain('bad.1 exited with code 127 (command not found)')
  expect(run.output()).toContain('giving up, it ended too often in a row')
})

test('a command that is not executable is 126', async () => {
  const app = liveApp({ Procfile: 'bad: ./script', script: '#!/bin/sh\n' })
  chmodSync(app.path('script'), 0o644)
  const run = app.start(PORT)
  expect(await run.ended).toBe(126)
})

test('an environment that is too large for the system is said, and nothing hangs', async () => {
  const app = liveApp({ Procfile: 'web: sleep 100', '.env': `BIG=${'x'.repeat(200_000)}\n` })
  const run = app.start(PORT)
  expect(await run.ended).toBe(1)
  expect(run.output()).toContain(
    'web.1 could not start: its environment and command are larger than the system takes',
  )
})

test('where temporary files are kept is made again when a process starts', async () => {
  const app = liveApp({ Procfile: 'web: until test -e go; do sleep 0.05; done; exit 1\n' })
  const TMPDIR = join(app.root, 'tmp')
  const run = app.start([...PORT, '--restart', 'on-failure:1'], { TMPDIR })
  await run.waitFor(/web\.1 on/)
  rmSync(TMPDIR, { recursive: true })
  writeFileSync(app.path('go'), '')
  await run.waitFor(/exited with code 1[^]*exited with code 1/)
  expect(await run.ended).toBe(1)
  expect(run.output()).not.toContain('could not start')
})

test('a folder that is removed meanwhile is named when a process starts again', async () => {
  const app = liveApp({ Procfile: 'web: sleep 0.5; exit 1\nstays: sleep 100' })
  mkdirSync(app.path('sub'))
  writeFileSync(app.path('sub/Procfile'), 'web: sleep 0.4; exit 1\nstays: sleep 100\n')
  const run = app.start([...PORT, '-d', 'sub', '--restart', 'on-failure'])
  await run.waitFor(/stays\.1 on/)
  rmSync(app.path('sub'), { recursive: true })
  await run.waitFor(/web\.1 could not start: the folder .*sub is gone/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test('without descriptors some processes wait and the others run', async () => {
  const app = liveApp({ Procfile: 'web: echo up; sleep 100' })
  const run = app.startBy(
    ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath],
    ['start', ...PORT, '--formation', 'web=60'],
  )
  await run.waitFor(/web\.\d+ could not start: too many open files.*starting again in/)
  await run.waitFor(new RegExp(String.raw`web\.1 on ${portAt(0)} .*web\.5 on ${portAt(4)}`))
  await run.waitFor(/web\.1 .*up/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.lines().at(-1)).toContain('nothing left running')
})

test('start --detach says why something could not start, and names no logs that there are not', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100' })
  const run = app.startBy(
    ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath],
    ['start', '-D', ...PORT, '--formation', 'web=60'],
  )
  expect(await run.ended).toBe(1)
  expect(run.output()).toMatch(
    /^tw-run: not up: (web\.\d+ \(too many open files \(see `ulimit -n`\)\)(, |\n))+ {2}hint: see what becomes of it with: tw-run ps\n$/,
  )
  expect(await app.cli(['stop'])).toMatchObject({ code: 0, stderr: '' })
  expect(app.survivors()).toEqual([])
})

test('out of descriptors for the rest of them tw-run lives, and so does the next one', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100' })
  const limited = ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath]
  const args = ['start', ...PORT, '--port-step', '400', '--formation', 'web=120']
  const run = app.startBy(limited, args)
  await run.waitFor(/(web\.120 could not start: too many open files[^]*){3}/)
  kill9(run.pid)
  await run.ended
  const next = app.startBy(limited, args)
  await next.waitFor(/(web\.120 could not start: too many open files[^]*){2}/)
  next.signal('SIGINT')
  expect(await next.ended, next.output()).toBe(130)
  expect(next.lines().at(-1)).toContain('nothing left running')
  expect(run.output() + next.output()).not.toMatch(/EMFILE|this is a bug/)
})

test('with fewer descriptors than tw-run itself needs that is said', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100' })
  const run = app.startBy(['sh', '-c', 'ulimit -n 24; exec "$0" "$@"', process.execPath], ['start', ...PORT])
  expect([await run.ended, run.output()]).toEqual([
    1,
    'tw-run: too many open files: tw-run cannot go on with so few\n  hint: allow more of them, such as: ulimit -n 1024\n',
  ])
})

requires(
  'linux',
  'root',
  'setpriv',
  'prlimit',
)('at the limit of processes some wait and the others run', async () => {
  const app = liveApp({ Procfile: 'web: sleep 100' })
  // Root has no such limit: as nobody, and with room for some.
  const drop =
    'chown -R 65534 .. && chmod -R go+rX .. && exec setpriv --reuid 65534 --regid 65534 --clear-groups prlimit --nproc=30 "$0" "$@"'
  // A shim may begin where its command finds no room any more: that is no end of the others.
  const options = [...PORT, '--formation', 'web=40', '--restart', 'always']
  const run = app.startBy(['sh', '-c', drop, process.execPath], ['start', ...options], {
    HOME: '/nonexistent',
  })
  await run.waitFor(/web\.\d+ could not start: the limit of processes is reached/)
  run.signal('SIGINT')
  await run.ended
  expect(run.lines().at(-1)).toContain('nothing left running')
})

test('ps keeps to its table where a broken environment file keeps a process from starting', async () => {
  // Its shim goes with it: what it ended with is known of no other start.
  const app = liveApp({ Procfile: 'web: until test -e go; do sleep 0.05; done; kill -9 0', '.env': 'A=1\n' })
  const run = app.start([...PORT, '--restart', 'on-failure'])
  await run.waitFor(/web\.1 on/)
  writeFileSync(app.path('.env'), 'A="unterminated\n')
  writeFileSync(app.path('go'), '')
  await run.waitFor(/web\.1 could not start: .*\.env:1:/)
  const { stdout } = await app.cli(['ps'])
  expect(stdout).toMatch(/^PROCESS .*\nweb\.1 .* unknown \(\.env:1:\d+: [^\n]*\)\n$/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test('an environment file that is broken while it runs is said when it is read again', async () => {
  const app = liveApp({ Procfile: 'web: sleep 0.4; exit 1', '.env': 'A=1\n' })
  const run = app.start([...PORT, '--restart', 'on-failure'])
  await run.waitFor(/web\.1 on/)
  writeFileSync(app.path('.env'), 'A="unterminated\n')
  await run.waitFor(/web\.1 could not start: .*\.env:1:[^]*could not start/)
  writeFileSync(app.path('.env'), 'A=2\n')
  await run.waitFor(/could not start[^]*web\.1 on/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  const left = readdirSync(join(app.state(), 'processes', 'web.1')).filter((name) => name.endsWith('.new'))
  expect(left.length).toBeLessThan(2)
})

test('what cannot start for a broken environment file is in ps with the reason, whoever supervises', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n', '.env': 'A=1\n' })
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  const { 'web.1': web } = await running(app, 'web.1')
  writeFileSync(app.path('.env'), 'A="unterminated\n')
  await done(app, 'scale', 'web=2')
  kill9(web)
  const refused = ['web.1', 'web.2'].map((process) => ({
    process,
    phase: 'backoff',
    port: portAt(process === 'web.1' ? 0 : 1),
    lastExit: { unknown: expect.stringContaining('.env:1:') as string },
  }))
  const areRefused = (): boolean =>
    rowsOf(seen(app)).filter(({ lastExit }) => lastExit !== null && 'unknown' in lastExit).length === 2
  await until(() => `both to be refused: ${JSON.stringify(rowsOf(seen(app)))}`, areRefused)
  expect(rowsOf(seen(app))).toMatchObject(refused)
  await killSupervisor(app)
  expect(await rows(app)).toMatchObject(refused)
  await until('another supervisor', () => seen(app).supervisor)
  expect(rowsOf(seen(app))).toMatchObject(refused)
  writeFileSync(app.path('.env'), 'A=2\n')
  await running(app, 'web.1', 'web.2')
  await done(app, 'stop')
  expect(app.survivors()).toEqual([])
})
