import { copyFileSync, existsSync, readFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CRASH_POINTS } from '../../src/runtime/crash-points.ts'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']

/**
 * One that stays, one that is slow to stop, one that has to be killed, one that fails and is restarted, one with a
 * leftover. It fails when these are deaf to SIGTERM, for that is when the stop of all is asked for.
 */
const procfile = (awaited: readonly string[]): string => `stays: sh probe.sh
slow: sh probe.sh slow
ignores: sh probe.sh stubborn mark
fails: until ${awaited.map((path) => `test -e ${path}`).join(' && ')}; do sleep 0.05; done; echo failing; exit 9
leaves: sh probe.sh grandchild stubborn mark & until test -e up-$PS; do sleep 0.05; done; exit 4
`

function appOf(procfile: string): LiveApp {
  const app = liveApp({ Procfile: procfile })
  copyFileSync(new URL('../support/probe.sh', import.meta.url), app.path('probe.sh'))
  return app
}

/** What the histories say, as `web.1 run 1: code 9`. */
function history(app: LiveApp): string[] {
  return readdirSync(join(app.state(), 'processes')).flatMap((id) =>
    endsOf(app, id).map(
      ({ run, exit }) => `${id} run ${run}: ${exit.kind} ${exit.code ?? exit.signal ?? ''}`,
    ),
  )
}

interface Ended {
  readonly run: number
  readonly exit: { readonly kind: string; readonly code?: number; readonly signal?: string }
  /** ms since boot. */
  readonly startedAt: number
  readonly endedAt: number
}

/** What is written down of a process, oldest first. */
function endsOf(app: LiveApp, id: string): Ended[] {
  const path = join(app.state(), 'processes', id, 'history')
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Ended)
}

/** The directories of the runs of one process that live now: never more than one. */
function liveRuns(app: LiveApp, id: string): string[] {
  const paths = app.survivors().flatMap(({ command }) => new RegExp(`/${id}/\\d+`).exec(command)?.[0] ?? [])
  return [...new Set(paths)]
}

/** Steps that are taken once in a session, or by one command. */
const ONCE = ['lock:held', 'session:written', 'command:written', 'ending:written', 'session:over']
/** Steps that are taken once for all that is started together: again for the first that is restarted. */
const TOGETHER = ['start:directory-made', 'start:prepared', 'start:all']
/** Steps that are taken for the first that is restarted, while it has just been. */
const READY = ['ready:spawned', 'ready:told']

function idsOf(type: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${type}.${index + 1}`)
}

/** Killed at the step (`name#2`: the second time), by a start or by the stop after it; fails if it does not recover. */
async function recovers(point: string, firstPort: number): Promise<void> {
  const port = ['-p', String(firstPort), '--port-step', '10', '-t', '1']
  const [step = '', pass] = point.split('#')
  const isByReadyShim = READY.includes(step)
  // Two that have to be killed, and two with leftovers, for a second time.
  const twice = pass === undefined ? {} : { ignores: 2, leaves: 2 }
  // The shim that waits begins one that is started alone: what else is restarted could come at the same time.
  const { ignores = 1, leaves = 1 } = isByReadyShim ? { leaves: 0 } : twice
  const more = ['-m', `ignores=${ignores},leaves=${leaves}`]
  const deaf = [...idsOf('ignores', ignores), ...idsOf('leaves', leaves)].map((id) => `up-${id}`)
  // What is started by the shim that waits is so only when that is there, which takes a busy machine its time.
  const waiting = isByReadyShim ? ['"$TW_RUN_STATE_DIR"/*/ready'] : []
  const app = appOf(procfile([...deaf, ...waiting]))
  const args = [...port, '--restart', 'on-failure:2', ...more]
  const first = app.start(args, { TW_RUN_CRASH_AT: point })
  // Steps of a start come by themselves; those of a command and of a stop when they are asked for.
  const command =
    point === 'command:written' ? first.waitFor(/ready/).then(() => app.cli(['scale', 'slow=2'])) : undefined
  const isLater = [...TOGETHER, ...READY].includes(step)
  const failures = (isByReadyShim ? 2 : 1) + (pass !== undefined && isLater ? 1 : 0)
  const stops = point === 'command:written' ? /never/ : new RegExp(`(failing[^]*){${failures}}`)
  void first.waitFor(stops).then(
    () => first.child.exitCode === null && first.child.signalCode === null && first.signal('SIGINT'),
    () => undefined,
  )
  expect(await first.ended, first.output()).toBe('SIGKILL')
  // Its supervisor died with the question in its hands: it is carried out without one, once.
  expect((await command)?.code ?? 0).toBe(0)
  for (const id of ['stays.1', 'slow.1', 'fails.1', 'leaves.1'])
    expect(liveRuns(app, id).length).toBeLessThan(2)
  const second = app.start(args)
  const code = await second.ended
  // Killed while it ended, it ends with 130 again; killed before, it goes on until one of them gives up; killed
  // when all was over, it begins anew.
  expect([130, 9, 4], second.output()).toContain(code)
  expect(second.lines().at(-1)).toContain('all stopped, nothing left running')
  expect(app.survivors()).toEqual([])
  expect(new Set(history(app)).size, history(app).join('\n')).toBe(history(app).length)
  for (const end of history(app)) expect(end).toMatch(/(code (0|4|9)|signal SIG(TERM|KILL)|unstarted )$/)
  const third = app.start([...port, '--restart', 'on-failure'])
  await third.waitFor(/stays\.1 .*ready/)
  third.signal('SIGTERM')
  expect(await third.ended).toBe(143)
  expect(app.scratch().filter((name) => /^tw-run-[0-9a-f]{16}$/.test(name))).toEqual([])
}

test('killed at any step, the next tw-run carries on', { timeout: 120_000 }, async () => {
  expect(await failuresAt(CRASH_POINTS)).toEqual([])
})

test('killed when it comes to a step again, the next tw-run carries on', { timeout: 120_000 }, async () => {
  const again = CRASH_POINTS.filter((point) => !ONCE.includes(point)).map((point) => `${point}#2`)
  // One each of a start, of a stop, of an end and of what is shown.
  const thirds = ['start:spawned#3', 'stop:signalled#3', 'finish:recorded#3', 'shown:written#3']
  expect(await failuresAt([...again, ...thirds])).toEqual([])
})

/** What is wrong after a kill at each of these steps. */
async function failuresAt(steps: readonly string[]): Promise<string[]> {
  const failures: string[] = []
  const points = [...steps]
  const worker = async (_: undefined, place: number): Promise<void> => {
    for (let point = points.shift(); point !== undefined; point = points.shift()) {
      await recovers(point, portAt(50 * place)).catch((error: unknown) =>
        failures.push(`${point}: ${(error as Error).message}`),
      )
    }
  }
  await Promise.all(Array.from({ length: 6 }, worker))
  return failures
}

test('the same pids go on after kill -9, and an exit code of meanwhile is known', async () => {
  const app = appOf('web: sh probe.sh\njob: until test -e go; do sleep 0.05; done; exit 7')
  const first = app.start(PORT)
  const [, pid] = await first.waitFor(/web\.1 .*ready.* pid (\d+)/)
  first.signal('SIGKILL')
  await first.ended
  writeFileSync(app.path('go'), '')
  await until('the job to end', () => app.runFile('job.1', 'exit'))
  expect(app.survivors().map((one) => one.pid)).toContain(Number(pid))
  const second = app.start(PORT)
  expect(await second.ended).toBe(7)
  expect(second.output()).toContain(
    'tw-run was killed and carries on from here: 1 still running (web.1), 1 ended meanwhile',
  )
  expect(second.output()).toContain('job.1 exited with code 7')
  expect(second.output()).toContain(`got SIGTERM number 1`)
  // Its first line may be shown again; it is the same process.
  for (const [, again] of second.output().matchAll(/ready.* pid (\d+)/g)) expect(again).toBe(pid)
})

test('killed in a grace period, the next one goes on with the time that is left', async () => {
  const app = appOf('stubborn: sh probe.sh stubborn')
  const first = app.start(['-p', String(portAt(0)), '-t', '2'])
  await first.waitFor(/ready/)
  const begun = performance.now()
  first.signal('SIGINT')
  await first.waitFor(/got SIGTERM/)
  first.signal('SIGKILL')
  await first.ended
  const second = app.start(['-p', String(portAt(0)), '-t', '60'])
  expect(await second.ended).toBe(130)
  const took = performance.now() - begun
  expect(took).toBeGreaterThan(2_000)
  expect(took).toBeLessThan(5_000)
  expect(app.runFile('stubborn.1', 'spec.json')).toContain('"number":1')
  expect(second.output()).not.toContain('number 2')
  expect(history(app)).toEqual(['stubborn.1 run 1: signal SIGKILL'])
})

test('a crash loop is not forgotten with the tw-run that saw it', async () => {
  const app = appOf('bad: exit 5')
  const first = app.start([...PORT, '--restart', 'always'])
  await first.waitFor(/exited with code 5/)
  await until('three ends', () => endsOf(app, 'bad.1').length >= 3)
  first.signal('SIGKILL')
  await first.ended
  const { length: known } = endsOf(app, 'bad.1')
  const second = app.start([...PORT, '--restart', 'always'])
  const ends = await until('another one', () => {
    const found = endsOf(app, 'bad.1')
    return found.length > known ? found : undefined
  })
  // Times of the run, since what is said is what is left when it is said. Forgotten, it would be at once.
  const [last, next] = ends.slice(known - 1)
  expect((next?.startedAt ?? 0) - (last?.endedAt ?? 0)).toBeGreaterThanOrEqual(2_000 * 2 ** (known - 3))
  await second.waitFor(/starting again in [2-5](\.\d)? s/)
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})

test('a process whose lifeline was unlinked is not started twice', async () => {
  const app = appOf('web: sh probe.sh')
  const first = app.start(PORT)
  const [, pid] = await first.waitFor(/ready.* pid (\d+)/)
  first.signal('SIGKILL')
  await first.ended
  unlinkSync(join(app.state(), 'processes/web.1/1/life'))
  const second = app.start(PORT)
  await second.waitFor(/1 still running/)
  expect(
    app
      .survivors()
      .filter(({ command }) => command.startsWith('sh probe'))
      .map((one) => one.pid),
  ).toEqual([Number(pid)])
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})
