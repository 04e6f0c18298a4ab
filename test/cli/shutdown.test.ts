import { copyFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const PROBE = new URL('../support/probe.js', import.meta.url)
const PORT = ['-p', String(portAt(0))]

function appOf(procfile: string): LiveApp {
  const app = liveApp({
    Procfile: procfile,
    'package.json': '{ "type": "module", "scripts": { "start": "node probe.js child" } }',
  })
  copyFileSync(PROBE, app.path('probe.js'))
  return app
}

async function allReady(run: LiveRun, count: number): Promise<void> {
  await until(
    `${count} ready in:\n${run.output()}`,
    () => (run.output().match(/\| ready/g) ?? []).length >= count,
  )
}

/** Every way in which a process makes it hard to end it. */
const HARD = `plain: node probe.js
wrapper: sh -c 'node probe.js; true'
npm: npm start --silent
daemon: node probe.js daemon
stopped: node probe.js stopped
`

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s ends everything with one SIGTERM each and exits with %i', async (signal, code) => {
  const app = appOf(HARD)
  const run = app.start(PORT)
  await allReady(run, 6)
  expect(app.survivors().length).toBeGreaterThan(10)
  run.signal(signal)
  expect(await run.ended).toBe(code)
  expect(app.survivors()).toEqual([])
  expect(run.output()).not.toMatch(/number 2/)
  expect(run.output().match(/plain\.1 .*got SIGTERM number 1/g)).toHaveLength(1)
  expect(run.output()).not.toMatch(/got SIG(INT|HUP)/)
  const hurry = signal === 'SIGINT' ? ', Ctrl-C again to kill' : ''
  expect(run.output()).toContain(`${signal}: stopping 5 processes (5 s${hurry})\n`)
  expect(run.lines().at(-1)).toContain(`all stopped, nothing left running (${signal})`)
})

test('SIGUSR1 opens no port for a debugger, SIGUSR2 ends nothing, and processes get them as ever', async () => {
  const app = liveApp({
    Procfile: `web: trap 'echo one' USR1; trap 'echo two' USR2; echo $$ up; while :; do sleep 0.05; done`,
  })
  const run = app.start(PORT)
  const [, pid] = await run.waitFor(/(\d+) up/)
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    run.signal(signal)
    process.kill(Number(pid), signal)
  }
  await run.waitFor(/one\n[^]*two\n/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.output()).not.toMatch(/debugger/i)
})

test('a process that ignores SIGTERM is killed after the grace period, and not before', async () => {
  const app = appOf('stubborn: node probe.js stubborn\nescaped: node probe.js daemon-stubborn')
  const run = app.start([...PORT, '-t', '1.2'])
  await allReady(run, 2)
  const [, pid] = await run.waitFor(/stubborn\.1 on \d+ \(pid (\d+)\)/)
  const begun = performance.now()
  run.signal('SIGINT')
  await run.waitFor(/got SIGTERM number 1/)
  expect(await run.ended).toBe(130)
  const took = performance.now() - begun
  expect(took).toBeGreaterThan(1_200)
  expect(took).toBeLessThan(4_000)
  expect(run.output()).toMatch(new RegExp(`waiting for .*stubborn\\.1 \\(pid ${pid}, killed in 0\\.\\d s\\)`))
  expect(run.output()).toContain('stubborn.1 did not stop in its grace period: killed')
  expect(run.output()).not.toContain('number 2')
  expect(app.survivors()).toEqual([])
})

test('a second Ctrl-C ends it at once', async () => {
  const app = appOf('stubborn: node probe.js stubborn')
  const run = app.start([...PORT, '-t', '60'])
  await allReady(run, 1)
  run.signal('SIGINT')
  await run.waitFor(/got SIGTERM number 1/)
  // A finger takes longer than a wrapper that hands on a signal twice.
  const again = performance.now() + 150
  await until('the second key', () => performance.now() > again)
  const begun = performance.now()
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(performance.now() - begun).toBeLessThan(2_000)
  expect(run.output()).toContain('stubborn.1 was killed before its grace period was over\n')
  expect(run.output()).not.toContain('did not stop')
})

test('with a grace period of nothing it is said that there was none', async () => {
  const app = appOf('stubborn: node probe.js stubborn')
  const run = app.start([...PORT, '-t', '0'])
  await allReady(run, 1)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.output()).toContain('stubborn.1 was killed at once, without a grace period\n')
})

test('Ctrl-\\ ends it at once, and says so', async () => {
  const app = appOf('stubborn: node probe.js stubborn\nescaped: node probe.js daemon-stubborn')
  const run = app.start([...PORT, '-t', '60'])
  await allReady(run, 2)
  run.signal('SIGQUIT')
  expect(await run.ended).toBe(131)
  expect(app.survivors()).toEqual([])
  expect(run.output()).toContain('SIGQUIT: killing 2 processes\n')
  expect(run.output()).toContain('stubborn.1 was killed at once, without a grace period')
  expect(run.output()).not.toContain('got SIG')
  expect(run.lines().at(-1)).toContain('all stopped, nothing left running (SIGQUIT)')
})

test('Ctrl-\\ after Ctrl-C is a second one, however soon it comes', async () => {
  const app = appOf('stubborn: node probe.js stubborn')
  const run = app.start([...PORT, '-t', '60'])
  await allReady(run, 1)
  run.signal('SIGINT')
  await run.waitFor(/SIGINT: stopping/)
  run.signal('SIGQUIT')
  expect(await run.ended).toBe(130)
})

test('a signal that a wrapper hands on a second time leaves the grace period alone', async () => {
  const app = appOf('slow: node probe.js slow')
  const run = app.start(PORT)
  await allReady(run, 1)
  run.signal('SIGINT')
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.output()).not.toContain('killed')
})

test('a closed terminal ends everything with a grace period', async () => {
  const app = appOf('slow: node probe.js slow\nplain: node probe.js')
  // A terminal that python opens and closes when it is told to by SIGUSR1.
  const terminal = `
import os, pty, signal, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
def close(*_):
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    print('tw-run ended with', os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)
signal.signal(signal.SIGUSR1, close)
while True: os.write(1, os.read(fd, 65536))
`
  const run = app.startBy(['python3', '-c', terminal, process.execPath], ['start', ...PORT], {
    NO_COLOR: '1',
  })
  await allReady(run, 2)
  run.signal('SIGUSR1')
  await run.waitFor(/tw-run ended with 129/)
  await run.ended
  expect(app.runFile('slow.1', 'exit')).toBe('0\n')
  expect(app.survivors()).toEqual([])
})

test('what a process leaves behind is ended before it starts again', async () => {
  const app = appOf(
    'web: rm -f up-$PS; node probe.js listen mark & until test -e up-$PS; do sleep 0.05; done; exit 3',
  )
  const run = app.start([...PORT, '--restart', 'on-failure:1'])
  expect(await run.ended).toBe(3)
  expect(run.output()).toMatch(/web\.1 ended and left running: node probe\.js listen mark \(pid \d+\)/)
  expect(run.output()).not.toContain('EADDRINUSE')
  expect(run.output().match(/got SIGTERM number 1/g)).toHaveLength(2)
})

test('under on-failure a crash leaves the pids of the others unchanged', async () => {
  const app = appOf('web: node probe.js\ncrash: sleep 0.3; exit 9')
  const run = app.start([...PORT, '--restart', 'on-failure'])
  const [, pid] = await run.waitFor(/web\.1 .*ready.* pid (\d+)/)
  await run.waitFor(/crash\.1 exited with code 9.*starting again in/)
  expect(app.survivors().map((one) => one.pid)).toContain(Number(pid))
  run.signal('SIGTERM')
  expect(await run.ended).toBe(143)
  expect(run.output().match(/ready/g)).toHaveLength(1)
})

test('the first process to end ends the run with its code, and the last line says so', async () => {
  const app = appOf('web: node probe.js\njob: sleep 0.3; exit 42')
  const run = app.start(PORT)
  expect(await run.ended).toBe(42)
  expect(run.lines().at(-1)).toMatch(
    /system +\| all stopped, nothing left running \(job\.1 exited with code 42\)/,
  )
})

test('a shim that is killed is no way out: its process is ended and the exit is unknown', async () => {
  const app = appOf('web: node probe.js')
  const run = app.start(PORT)
  await allReady(run, 1)
  kill9(Number(app.runFile('web.1', 'pid')))
  expect(await run.ended).toBe(1)
  expect(run.output()).toContain('its exit code is unknown: its shim was killed')
  expect(run.output()).toMatch(/got SIGTERM number 1/)
})
