import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { done, killSupervisor, pids, running, seen } from '../support/control.ts'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const SLEEPS = 'web: exec sleep 300\nworker: exec sleep 300\n'

async function stopped(app: LiveApp, run: LiveRun): Promise<void> {
  await done(app, 'stop')
  await run.ended
  expect(app.survivors()).toEqual([])
}

/** Listens on a port as somebody else, to the end of the test or until the returned function is called. */
async function taken(port: number): Promise<() => Promise<void>> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return async () => void (await once(server.close(), 'close'))
}

/** Why a command is refused; what ran before runs on, and is wanted as before. */
async function refusal(app: LiveApp, ...args: readonly string[]): Promise<string> {
  const [before, counts] = [pids(app), seen(app).session?.counts]
  const { code, stdout, stderr } = await app.cli(args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect([pids(app), seen(app).session?.counts]).toEqual([before, counts])
  return stderr
}

function heldByThisTest(port: number, id: string): RegExp {
  const text = String.raw`^tw-run: port ${port} of ${id} is taken by .* \(pid ${process.pid}\)\n {2}hint: end that process`
  return new RegExp(text)
}

test('what is added needs a free port, and is refused before anything changes', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  // What runs has its port, whoever else listens there.
  const run = app.start([...PORT, '-m', 'web=2'])
  await running(app, 'web.1', 'web.2', 'worker.1')
  await taken(portAt(0))
  const release = await taken(portAt(2))
  expect(await refusal(app, 'scale', 'web=3', 'worker=0')).toMatch(heldByThisTest(portAt(2), 'web.3'))
  expect(await refusal(app, 'scale', 'web+2', '--wait')).toMatch(heldByThisTest(portAt(2), 'web.3'))
  expect(await done(app, 'scale', 'worker=2', '--wait')).toBe('worker: 1 -> 2\n')
  await release()
  expect(await done(app, 'scale', 'web=3', '--wait')).toBe('web: 2 -> 3\n')
  await stopped(app, run)
})

test('so does what is started again, by whatever command', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = app.start([...PORT, '-m', 'web=2'])
  await running(app, 'web.1', 'web.2', 'worker.1')
  await done(app, 'stop', 'web.2')
  await running(app, 'web.1', 'worker.1')
  await taken(portAt(1))
  expect(await refusal(app, 'scale', 'web=2')).toMatch(heldByThisTest(portAt(1), 'web.2'))
  expect(await refusal(app, 'restart', 'web.2')).toMatch(heldByThisTest(portAt(1), 'web.2'))
  await taken(portAt(200))
  writeFileSync(app.path('Procfile'), `${SLEEPS}fresh: exec sleep 300\n`)
  expect(await refusal(app, 'reload')).toMatch(heldByThisTest(portAt(200), 'fresh.1'))
  await stopped(app, run)
})

test('and without a supervisor too', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = app.start(PORT)
  await running(app, 'web.1', 'worker.1')
  await killSupervisor(app)
  await run.ended
  await taken(portAt(1))
  expect(await refusal(app, 'scale', 'web=2')).toMatch(heldByThisTest(portAt(1), 'web.2'))
  await stopped(app, run)
})

test('a type that comes back with reload is started, whatever became of it before', async () => {
  const app = liveApp({ Procfile: `${SLEEPS}task: echo ran\n` })
  const run = app.start([...PORT, '--restart', 'on-failure'])
  await run.waitFor(/task\.1 ended \(exit code 0\)/)
  writeFileSync(app.path('Procfile'), SLEEPS)
  expect(await done(app, 'reload')).toBe('task: gone\n')
  writeFileSync(app.path('Procfile'), `${SLEEPS}task: echo ran\n`)
  expect(await done(app, 'reload')).toBe('task: new\n')
  await until(
    () => `the task to run again:\n${run.output()}`,
    () => run.lines().filter((line) => /task\.1 +\| ran/.test(line)).length === 2,
  )
  await stopped(app, run)
})
