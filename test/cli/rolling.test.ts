import { expect, test } from 'vitest'
import { done, pids, running, seen } from '../support/control.ts'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import type { CliResult } from '../support/rig.ts'

/** Nobody listens on the port of web, which is therefore never ready. */
const SLEEPS = 'web: exec sleep 300\nworker: exec sleep 300\n'
const ARGS = ['-p', String(portAt(0)), '-t', '1', '--restart', 'on-failure', '-m', 'web=3']

async function started(): Promise<{ app: LiveApp; run: LiveRun }> {
  const app = liveApp({ Procfile: SLEEPS })
  const run = app.start(ARGS)
  await running(app, 'web.1', 'web.2', 'web.3', 'worker.1')
  return { app, run }
}

/** Begins to restart these one by one, and returns when the first of them was replaced, which it waits for. */
async function begun(app: LiveApp, ...ids: readonly string[]): Promise<{ rolling: Promise<CliResult> }> {
  const [first = ''] = ids
  const before = pids(app)[first]
  const rolling = app.cli(['restart', '--rolling', ...ids])
  await until(`${first} to be replaced`, () => (pids(app)[first] ?? before) !== before)
  return { rolling }
}

test('restart --rolling goes on without what is not wanted any more', async () => {
  const { app, run } = await started()
  const before = pids(app)
  const { rolling } = await begun(app, 'web.2', 'web.3', 'worker')
  await done(app, 'scale', 'web=1')
  expect(await rolling).toEqual({
    code: 0,
    stdout:
      'web.2: restarting, nothing changed\nweb.2: not wanted any more\nweb.3: not wanted any more\nworker.1: restarting, nothing changed\n',
    stderr: '',
  })
  const after = await running(app, 'web.1', 'worker.1')
  expect(after['worker.1']).not.toBe(before['worker.1'])
  await done(app, 'stop')
  expect(await run.ended).toBe(0)
})

test('restart --rolling waits no longer for what was stopped alone', async () => {
  const { app, run } = await started()
  const { rolling } = await begun(app, 'web.3')
  await done(app, 'stop', 'web.3')
  expect(await rolling).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('web.3: not wanted any more\n'),
  })
  await done(app, 'stop')
  expect(await run.ended).toBe(0)
})

test('restart --rolling leaves down what was stopped before its turn', async () => {
  const { app, run } = await started()
  const { rolling } = await begun(app, 'web.2', 'worker')
  await done(app, 'stop', 'worker')
  await done(app, 'scale', 'web=1')
  expect(await rolling).toEqual({
    code: 0,
    stdout: 'web.2: restarting, nothing changed\nweb.2: not wanted any more\nworker.1: not wanted any more\n',
    stderr: '',
  })
  await running(app, 'web.1')
  await done(app, 'stop')
  expect(await run.ended).toBe(0)
})

test('restart --rolling says that the formation was stopped, and blames nobody', async () => {
  const { app, run } = await started()
  const { rolling } = await begun(app, 'web.1', 'web.2', 'web.3')
  await done(app, 'stop')
  expect(await rolling).toMatchObject({
    code: 1,
    stderr:
      'tw-run: the formation was stopped (tw-run stop); not restarted: web.2, web.3\n  hint: start it with: tw-run start\n',
  })
  expect(await run.ended).toBe(0)
  expect(seen(app).session?.over).toBe(true)
})
