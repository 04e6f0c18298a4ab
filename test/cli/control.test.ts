import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import {
  descriptorsOf,
  holds,
  done,
  isAlive,
  killSupervisor,
  parentOf,
  pids,
  probeApp,
  rows,
  running,
  seen,
  supervisorOf,
} from '../support/control.ts'
import { rowsOf } from '../../src/runtime/observer.ts'
import { portAt } from '../support/ports.ts'
import { waitingShim, waits } from '../support/waiting-shims.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const SLEEPS = 'web: echo up as $$; exec sleep 300\nworker: exec sleep 300\n'

async function started(app: LiveApp, args: readonly string[], ...ids: string[]): Promise<LiveRun> {
  const run = app.start([...PORT, ...args])
  await until(
    () => `${ids.join(' ')} to run: ${run.output()}`,
    () => readdirSync(app.root, { withFileTypes: true }).length > 0 && run.output() !== '',
  )
  await running(app, ...ids)
  return run
}

/** Ends it from outside, as a person in another terminal. */
async function stopped(app: LiveApp, run: LiveRun): Promise<void> {
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  expect(await run.ended).toBe(0)
  expect(app.survivors()).toEqual([])
}

test('when a process started is the same at every look, so that another one is another run', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, ['-m', 'web=1'], 'web.1', 'worker.1')
  const startedAt = (): string | undefined => rowsOf(seen(app))[0]?.startedAt
  const looks = new Set(Array.from({ length: 50 }, startedAt))
  expect([...looks]).toEqual([expect.stringMatching(/^\d{4}-/)])
  await done(app, 'restart', 'web.1', '--wait')
  expect(looks).not.toContain(startedAt())
  await stopped(app, run)
})

test('ps says the same to people and to programs', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, ['-m', 'web=2'], 'web.1', 'web.2', 'worker.1')
  const [, own] = await run.waitFor(/web\.1 .*up as (\d+)/)
  const found = await rows(app)
  expect(found.map(({ process }) => process)).toEqual(['web.1', 'web.2', 'worker.1'])
  // It does not listen, which is said from a second on.
  expect({ ...found[0], reason: undefined }).toEqual({
    process: 'web.1',
    type: 'web',
    instance: 1,
    phase: 'up',
    ready: expect.any(Boolean),
    pid: Number(own),
    port: portAt(0),
    startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    upFor: expect.any(Number),
    restarts: 0,
    lastExit: null,
    engine: 'local',
    node: expect.any(String),
  })
  expect(Math.abs(Date.parse(found[0]?.startedAt ?? '') - Date.now())).toBeLessThan(10_000)
  const text = await done(app, 'status', '--verbose')
  expect(text).toMatch(/^PROCESS +PHASE +PID +PORT +UP FOR +RESTARTS +LAST EXIT$/m)
  // Whole seconds are said as such.
  const age = String.raw`(\d\.[1-9]|\d+) s`
  expect(text).toMatch(new RegExp(`^web\\.1 +(up|ready) +${own} +${portAt(0)} +${age} +0 +-$`, 'm'))
  expect(text).toContain(`supervisor: ${run.pid}`)
  expect(text).toContain(`state: ${app.state()}`)
  const withStats = JSON.parse(await done(app, 'ps', '--stats', '--json')) as Record<string, unknown>[]
  for (const row of withStats) expect(row['memory']).toBeGreaterThan(10_000)
  expect(await done(app, 'ps', '--stats')).toMatch(/CPU +MEMORY\nweb\.1 .* % +\d+\.\d MB/)
  await stopped(app, run)
})

test('ps --watch ends when its reader goes', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, [], 'web.1', 'worker.1')
  const watch = app.startBy(['sh', '-c', 'node "$0" ps --watch | head -n 4'])
  expect(await watch.ended).toBe(0)
  expect(watch.output()).toMatch(/PROCESS[^]*worker\.1[^]*PROCESS/)
  await until('ps to end', () => !app.survivors().some(({ command }) => command.includes('--watch')))
  await stopped(app, run)
})

test('ps shows what goes on under a dead supervisor, and nothing after the end', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  expect(await app.cli(['ps'])).toMatchObject({ code: 0, stdout: 'nothing runs here\n' })
  const run = await started(app, [], 'web.1', 'worker.1')
  const before = pids(app)
  run.signal('SIGKILL')
  await run.ended
  expect(Object.fromEntries((await rows(app)).map(({ process, pid }) => [process, pid]))).toEqual(before)
  expect(await done(app, 'ps')).toContain('no supervisor: what ends is not started again')
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  expect(await done(app, 'ps', '--json')).toBe('[]\n')
  expect(await done(app, 'ps')).toBe('nothing runs here\n')
  for (const verb of ['stop', 'scale', 'restart', 'reload', 'scale web=2'])
    expect(await app.cli(verb.split(' '))).toMatchObject({
      code: 1,
      stderr: 'tw-run: nothing runs here\n  hint: start it with: tw-run start\n',
    })
})

test('where a start on an engine may have been cut off, that nothing runs here says where to look, too', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, [], 'web.1', 'worker.1')
  const place = { app: 'shop', image: 'shop:1', cluster: 'default', namespace: '' }
  writeFileSync(
    `${app.state()}/engine.json`,
    JSON.stringify({ version: 1, engine: 'local', places: { swarm: place } }),
  )
  await stopped(app, run)
  expect(await done(app, 'ps')).toBe('nothing runs here (see: tw-run ps --engine swarm)\n')
  expect(await app.cli(['scale', 'web=2'])).toMatchObject({
    code: 1,
    stderr: 'tw-run: nothing runs here\n  hint: see tw-run ps --engine swarm; start it with: tw-run start\n',
  })
})

test('ps says of what ended under a dead supervisor how it ended', async () => {
  const app = liveApp({
    Procfile: `${SLEEPS}job: until test -e go; do sleep 0.02; done; exit 7\nother: exec sleep 300\n`,
  })
  const run = await started(app, ['--port-step', '10'], 'web.1', 'worker.1', 'job.1', 'other.1')
  const { 'other.1': other = 0 } = pids(app)
  run.signal('SIGKILL')
  await run.ended
  kill9(parentOf(other))
  writeFileSync(app.path('go'), '')
  await until('job.1 to end', () => app.runFile('job.1', 'exit'))
  const found = await rows(app)
  expect(found.map(({ process, phase, lastExit }) => [process, phase, lastExit])).toEqual([
    ['web.1', 'up', null],
    ['worker.1', 'up', null],
    ['job.1', 'exited', { code: 7 }],
    ['other.1', 'exited', { unknown: 'shim' }],
  ])
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  expect(app.survivors()).toEqual([])
})

test('scale sets, adds and takes away, the highest numbers first, and can be fed what it prints', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, [], 'web.1', 'worker.1')
  expect(await done(app, 'scale', 'web=4', 'worker+1', '--wait')).toBe('web: 1 -> 4\nworker: 1 -> 2\n')
  const before = await running(app, 'web.1', 'web.2', 'web.3', 'web.4', 'worker.1', 'worker.2')
  const text = (await done(app, 'scale')).trim()
  expect(await done(app, 'scale', text)).toBe(`nothing to change: ${text}\n`)
  expect(await done(app, 'scale', ...text.split(/[ ,]/))).toBe(`nothing to change: ${text}\n`)
  expect(JSON.parse(await done(app, 'scale', '--json'))).toEqual({ web: 4, worker: 2 })
  expect(JSON.parse(await done(app, 'scale', 'web-2,worker=0', '--json'))).toEqual({ web: 2, worker: 0 })
  expect(await running(app, 'web.1', 'web.2')).toEqual({ 'web.1': before['web.1'], 'web.2': before['web.2'] })
  expect((await rows(app)).map(({ process }) => process)).toEqual(['web.1', 'web.2'])
  await stopped(app, run)
})

test.each([
  [['wbe=2'], /no process type "wbe"|unknown|wbe[^]*did you mean "web"/],
  [['web=101'], /port/i],
  [['web=100000'], /./],
  [['web-2'], /./],
  [['web'], /./],
  [['web=2', 'worker=x'], /worker=x/],
  [['__proto__=2'], /./],
  [['constructor=2'], /constructor/],
])('scale %j changes nothing and says why', async (words, expected) => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, [], 'web.1', 'worker.1')
  const before = pids(app)
  const { code, stdout, stderr } = await app.cli(['scale', ...words])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(expected)
  expect(seen(app).session?.counts).toEqual({ web: 1, worker: 1 })
  expect(pids(app)).toEqual(before)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test('scale --wait fails with what is missing', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, ['--restart', 'on-failure', '-m', 'worker=0'], 'web.1')
  // More than a process can be given: it can never be up.
  writeFileSync(app.path('.env'), `TOO_MUCH=${'x'.repeat(200_000)}\n`)
  const { code, stderr } = await app.cli(['scale', 'worker=2', '--wait'])
  expect(code).toBe(1)
  const why = String.raw` \(its environment and command are larger than the system takes \(one value over 128 KiB\?\)\)`
  expect(stderr).toMatch(
    new RegExp(
      String.raw`^tw-run: not up: worker\.1${why}(, worker\.2${why})?\n {2}hint: see what becomes of it with: tw-run ps\n$`,
    ),
  )
  await stopped(app, run)
})

test('six at once are carried out one after the other, and none is lost', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, [], 'web.1', 'worker.1')
  const added = Promise.all(Array.from({ length: 6 }, () => done(app, 'scale', 'worker+1')))
  const set = Promise.all([2, 3, 4, 5, 6, 7].map((count) => done(app, 'scale', `web=${count}`)))
  const steps = (await set).map((line) => /^web: (\d+) -> (\d+)$/m.exec(line)?.slice(1).map(Number) ?? [])
  const ids = (await added).map((line) => line.trim())
  expect(ids.toSorted()).toEqual([1, 2, 3, 4, 5, 6].map((n) => `worker: ${n} -> ${n + 1}`))
  // Each begins where another one ended: there is an order in which all of them happened.
  let count = 1
  for (let left = steps; left.length > 0;) {
    const next = left.find(([from]) => from === count)
    expect(next, JSON.stringify(steps)).toBeDefined()
    left = left.filter((step) => step !== next)
    count = next?.[1] ?? 0
  }
  expect(seen(app).session?.counts).toEqual({ web: count, worker: 7 })
  const all = Array.from({ length: count }, (_, index) => `web.${index + 1}`)
  await running(app, ...all, ...[1, 2, 3, 4, 5, 6, 7].map((n) => `worker.${n}`))
  await stopped(app, run)
})

test('restart replaces its targets, says keys and never values, and takes the files as they are', async () => {
  const app = liveApp({
    Procfile: 'web: exec sleep 300\nworker: echo "is $KEPT $CHANGED $NEW"; exec sleep 300\n',
    '.env': 'KEPT=k0\nCHANGED=hidden-old\nGONE=hidden-gone\n',
  })
  const run = await started(app, ['-m', 'web=2,worker=2'], 'web.1', 'web.2', 'worker.1', 'worker.2')
  const before = pids(app)
  expect(await done(app, 'restart', 'web.2', '--wait')).toBe('web.2: restarting, nothing changed\n')
  const after = await running(app, 'web.1', 'web.2', 'worker.1', 'worker.2')
  expect(after).toEqual({ ...before, 'web.2': after['web.2'] })
  expect(after['web.2']).not.toBe(before['web.2'])
  writeFileSync(app.path('.env'), 'KEPT=k0\nCHANGED=hidden-new\nNEW=hidden-too\n')
  writeFileSync(
    app.path('Procfile'),
    readFileSync(app.path('Procfile'), 'utf8').replace('echo "is', 'echo "was'),
  )
  const said = await done(app, 'restart', 'worker', '--wait')
  expect(said).toBe('worker: command changed, CHANGED changed, GONE gone, NEW new\n')
  await run.waitFor(/worker\.2 .*was k0 hidden-new hidden-too/)
  expect(pids(app)).toMatchObject({ 'web.1': after['web.1'], 'web.2': after['web.2'] })
  for (const id of ['worker.1', 'worker.2']) {
    expect(pids(app)[id]).not.toBe(before[id])
    expect(isAlive(before[id] ?? 0)).toBe(false)
  }
  const { code, stderr } = await app.cli(['restart', 'worker.3'])
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'tw-run: worker.3 is not part of the formation: worker=2\n  hint: tw-run scale worker=3\n',
  })
  writeFileSync(app.path('Procfile'), 'web: exec sleep 300\n')
  expect(await done(app, 'restart', 'worker')).toBe(
    'worker: restarting, but no longer in the Procfile: tw-run reload takes that in\n',
  )
  await stopped(app, run)
})

test('restart with a broken Procfile changes nothing and says where', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, [], 'web.1', 'worker.1')
  const before = pids(app)
  writeFileSync(app.path('Procfile'), 'web: exec sleep 300\nwhat is this\n')
  for (const verb of [['restart'], ['reload'], ['restart', '--rolling']]) {
    const { code, stderr } = await app.cli(verb)
    expect({ verb, code }).toEqual({ verb, code: 2 })
    expect(stderr).toContain('Procfile:2:1')
  }
  expect(pids(app)).toEqual(before)
  // Scaling and stopping need no Procfile.
  await done(app, 'scale', 'web=2', '--wait')
  await stopped(app, run)
})

test('restart --rolling goes on when the last is ready, and stops at the first that is not', async () => {
  const app = liveApp({ Procfile: 'worker: echo "$PS $(date +%s%N)" >>journal; exec sleep 300\n' })
  const run = await started(app, ['--restart', 'on-failure', '-m', 'worker=2'], 'worker.1', 'worker.2')
  const before = pids(app)
  await done(app, 'restart', '--rolling')
  const after = pids(app)
  expect(after['worker.1']).not.toBe(before['worker.1'])
  expect(after['worker.2']).not.toBe(before['worker.2'])
  const starts = readFileSync(app.path('journal'), 'utf8').trim().split('\n').slice(2)
  expect(starts.map((line) => line.split(' ')[0])).toEqual(['worker.1', 'worker.2'])
  const [first = 0, second = 0] = starts.map((line) => Number(line.split(' ')[1]) / 1e6)
  expect(second - first).toBeGreaterThan(950)
  writeFileSync(app.path('Procfile'), 'worker: sleep 0.1; exit 7\n')
  const { code, stdout, stderr } = await app.cli(['restart', '--rolling', 'worker'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: 'worker.1: command changed\n' })
  expect(stderr).toBe(
    'tw-run: worker.1 did not get ready; not restarted: worker.2\n  hint: see what happened with: tw-run logs worker.1\n',
  )
  expect(pids(app)['worker.2']).toBe(after['worker.2'])
  expect(isAlive(after['worker.2'] ?? 0)).toBe(true)
  await stopped(app, run)
})

test('stop with targets keeps them down until they are asked for again', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(
    app,
    ['-m', 'all=2', '--restart', 'always'],
    'web.1',
    'web.2',
    'worker.1',
    'worker.2',
  )
  const before = pids(app)
  expect(await done(app, 'stop', 'worker', 'web.2')).toBe('stopping worker.1, worker.2, web.2\n')
  expect(await running(app, 'web.1')).toEqual({ 'web.1': before['web.1'] })
  await until('the stopped ones to be stopped', () =>
    (['web.2', 'worker.1', 'worker.2'] as const).every(
      (id) => seen(app).observed.get(id)?.phase === 'stopped',
    ),
  )
  expect(await done(app, 'restart', 'web.2', '--wait')).toBe('web.2: starting\n')
  await running(app, 'web.1', 'web.2')
  await done(app, 'scale', 'worker=1', '--wait')
  await running(app, 'web.1', 'web.2', 'worker.1')
  expect(await app.cli(['stop', 'web.9'])).toMatchObject({ code: 2 })
  expect(await app.cli(['stop', 'nobody'])).toMatchObject({ code: 2 })
  await stopped(app, run)
})

test('stop ends whatever it left, whoever started it, and says when nothing is left', async () => {
  const app = probeApp('web: node probe.js daemon-stubborn child\nworker: node probe.js stubborn\n')
  const run = app.start(PORT)
  await run.waitFor(/worker\.1 .*ready/)
  await run.waitFor(/web\.1 .*ready/)
  const both = await Promise.all([app.cli(['stop']), app.cli(['stop'])])
  for (const { code, stdout, stderr } of both)
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/all stopped, nothing left running\n$/) as string,
      stderr: '',
    })
  expect(await run.ended).toBe(0)
  expect(app.survivors()).toEqual([])
})

test('what is on its way out has its port for the next one, also if it has cleared its environment', async () => {
  const app = probeApp('web: exec env -i PORT=$PORT "$NODE" probe.js listen slow\n')
  const run = app.start([...PORT], { NODE: process.execPath })
  await run.waitFor(/ready/)
  const before = await running(app, 'web.1')
  await done(app, 'stop', 'web.1')
  expect(await done(app, 'restart', 'web.1')).toMatch(/^web\.1: /)
  await until('another one', () => (pids(app)['web.1'] ?? before['web.1']) !== before['web.1'])
  await stopped(app, run)
})

/** Ends when it has been told to, and is let go. */
const SLOW = `web: trap 'until test -e go; do sleep 0.02; done; exit 0' TERM; echo up as $$; while :; do sleep 0.02; done\n`

test.each([[['scale', 'web=2']], [['restart']], [['restart', '--rolling']], [['reload']]])(
  '%j of what is being stopped can be done later, and it is said how',
  async (words) => {
    const app = liveApp({ Procfile: SLOW })
    const run = app.start(['-p', String(portAt(0)), '-t', '20'])
    await run.waitFor(/up as/)
    const stopping = app.startBy([process.execPath], ['stop'])
    await run.waitFor(/tw-run stop: stopping 1 process/)
    expect(await app.cli(words)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'tw-run: the formation is being stopped\n  hint: tw-run stop waits until it is; after that: tw-run start\n',
    })
    writeFileSync(app.path('go'), '')
    expect([await stopping.ended, await run.ended]).toEqual([0, 0])
  },
)

test('without a supervisor a command is applied here, and the processes go on', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = await started(app, ['-m', 'web=2'], 'web.1', 'web.2', 'worker.1')
  const before = pids(app)
  await killSupervisor(app)
  expect(await done(app, 'scale', 'web=3')).toBe('web: 2 -> 3\n')
  const after = await running(app, 'web.1', 'web.2', 'web.3', 'worker.1')
  expect(after).toEqual({ ...before, 'web.3': after['web.3'] })
  await done(app, 'scale', 'web=1')
  await running(app, 'web.1', 'worker.1')
  await done(app, 'restart', 'worker')
  const again = await running(app, 'web.1', 'worker.1')
  expect(again['web.1']).toBe(before['web.1'])
  expect(again['worker.1']).not.toBe(before['worker.1'])
  await done(app, 'stop', 'worker.1')
  expect(await running(app, 'web.1')).toEqual({ 'web.1': before['web.1'] })
  expect(seen(app).supervisor).toBeUndefined()
  const lines = await Promise.all(Array.from({ length: 6 }, () => done(app, 'scale', 'worker+1')))
  // The first of them also starts again what was stopped, and says so.
  expect(lines.map((line) => line.replace(/\n[^]*/, '')).toSorted()).toEqual(
    [1, 2, 3, 4, 5, 6].map((n) => `worker: ${n} -> ${n + 1}`),
  )
  const both = await Promise.all([app.cli(['stop']), app.cli(['stop'])])
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  expect(app.survivors()).toEqual([])
  await run.ended
})

test('a formation without a supervisor can be stopped though its Procfile is broken and a port is taken', async () => {
  const app = probeApp('web: exec sleep 300\nother: node probe.js listen\n')
  const first = app.start([...PORT, '--port-step', '20'])
  await first.waitFor(/ready/)
  await running(app, 'web.1', 'other.1')
  await killSupervisor(app)
  writeFileSync(app.path('Procfile'), '<<<<<<< HEAD\nweb: a\n')
  expect(await done(app, 'stop')).toBe('stopping everything\nall stopped, nothing left running\n')
  expect(app.survivors()).toEqual([])
})

test('reload starts what is new, stops what is gone, replaces what changed and touches nothing else', async () => {
  const app = liveApp({ Procfile: `${SLEEPS}old: exec sleep 300\n` })
  const run = await started(app, ['-m', 'web=2,old=2'], 'web.1', 'web.2', 'worker.1', 'old.1', 'old.2')
  const before = pids(app)
  expect(await done(app, 'reload')).toBe('nothing changed\n')
  writeFileSync(
    app.path('Procfile'),
    'web: echo up as $$; exec sleep 300\nworker: exec sleep 301\nfresh: exec sleep 300\n',
  )
  expect(await done(app, 'reload')).toBe('fresh: new\nold: gone\nworker: command changed\n')
  const after = await until('the new formation', () => {
    const now = pids(app)
    const isThere = Object.keys(now).toSorted().join(' ') === 'fresh.1 web.1 web.2 worker.1'
    return isThere && now['worker.1'] !== before['worker.1'] ? now : undefined
  })
  expect(after).toMatchObject({ 'web.1': before['web.1'], 'web.2': before['web.2'] })
  expect(isAlive(before['old.1'] ?? 0)).toBe(false)
  // Another one before them in the file moves the ports of the rest.
  writeFileSync(app.path('Procfile'), `zero: exec sleep 300\n${readFileSync(app.path('Procfile'), 'utf8')}`)
  expect(await done(app, 'reload')).toBe(
    `zero: new\nweb: port ${portAt(0)} -> ${portAt(100)}\nworker: port ${portAt(100)} -> ${portAt(200)}\nfresh: port ${portAt(200)} -> ${portAt(300)}\n`,
  )
  const moved = await until('the moved formation', () => {
    const now = seen(app)
      .slots.runs()
      .filter(({ life, stop }) => life === 'alive' && stop === undefined)
    const ports = now
      .map(({ id, port, pid }) => `${id} ${port} ${pid === undefined}`)
      .toSorted()
      .join(', ')
    return (
      ports ===
      `fresh.1 ${portAt(300)} false, web.1 ${portAt(100)} false, web.2 ${portAt(101)} false, worker.1 ${portAt(200)} false, zero.1 ${portAt(0)} false`
    )
  })
  expect(moved).toBe(true)
  const last = pids(app)
  writeFileSync(app.path('Procfile'), 'web: one\nweb: two\nnope\n')
  const { code, stderr } = await app.cli(['reload'])
  expect(code).toBe(2)
  expect(stderr).toContain('Procfile:2:1')
  expect(stderr).toContain('Procfile:3:1')
  expect(pids(app)).toEqual(last)
  await stopped(app, run)
})

test(
  'from nothing to 200 and back: both ends are reached, and nothing is kept',
  { timeout: 60_000 },
  async () => {
    const app = liveApp({ Procfile: 'web: exec sleep 300\nbig: exec sleep 300\n' })
    const run = await started(app, ['-m', 'big=0', '--port-step', '300'], 'web.1')
    const supervisor = supervisorOf(app)
    const round = async (): Promise<number> => {
      await done(app, 'scale', 'big=200', '--wait')
      expect(Object.keys(pids(app)).length).toBe(201)
      await done(app, 'scale', 'big=0')
      await running(app, 'web.1')
      await until(
        'all of them to be over',
        () => app.survivors().filter(({ pid }) => !waits(pid)).length === 2,
      )
      await until(
        'scratch to be removed',
        () => app.scratch().filter((name) => /^tw-run-[0-9a-f]{16}$/.test(name)).length === 1,
      )
      const folder = join(app.state(), 'processes')
      const runs = readdirSync(folder).flatMap((id) =>
        readdirSync(join(folder, id)).filter((name) => name !== 'history'),
      )
      return runs.length
    }
    // The first command and the first process that ends cost something once.
    await done(app, 'scale', 'big=1', '--wait')
    await done(app, 'scale', 'big=0')
    await running(app, 'web.1')
    await until('its files to be let go', () => !holds(supervisor, '/processes/big.'))
    await waitingShim(app)
    const descriptors = descriptorsOf(supervisor)
    expect(await round()).toBe(202)
    // Those of a command that has just been answered are closed a moment later.
    await waitingShim(app)
    await until('as few descriptors as before', () => descriptorsOf(supervisor) <= descriptors)
    await until('its files to be let go again', () => !holds(supervisor, '/processes/big.'))
    await stopped(app, run)
  },
)
