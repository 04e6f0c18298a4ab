import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { waitFor } from '../../src/cli/waiting.ts'
import { rowsOf } from '../../src/runtime/observer.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import {
  done,
  isAlive,
  killSupervisor,
  parentOf,
  pids,
  probeApp,
  running,
  seen,
  supervisorOf,
  supervisors,
} from '../support/control.ts'
import { portAt } from '../support/ports.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const SLEEPS = 'web: exec sleep 300\nworker: exec sleep 300\n'

/** A supervisor of its own, over an app whose starter has returned. */
async function detached(app: LiveApp, ...args: readonly string[]): Promise<void> {
  await done(app, 'start', '-D', ...PORT, ...args)
}

async function stopped(app: LiveApp): Promise<void> {
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  expect(app.survivors()).toEqual([])
}

/** Waits for exactly one supervisor, another one than `before`. */
async function revived(app: LiveApp, before: number): Promise<number> {
  await until('one supervisor', () => {
    const all = supervisors(app)
    return all.length === 1 && all[0] !== before && seen(app).supervisor === all[0]
  })
  return supervisorOf(app)
}

/** The lines of the histories, as `code 9` or `signal SIGKILL`. */
function history(app: LiveApp, id: string): string[] {
  const path = join(app.state(), 'processes', id, 'history')
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { exit: Record<string, string | undefined> }).exit)
    .map(({ kind, code, signal, why }) => [kind, code ?? signal ?? why].join(' '))
}

test('SIGHUP, which a terminal or a logout sends, ends nothing that runs in the background', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  await detached(app)
  const supervisor = supervisorOf(app)
  const before = pids(app)
  process.kill(supervisor, 'SIGHUP')
  expect(await done(app, 'scale', 'web=2', '--wait')).toContain('web: 1 -> 2')
  expect([supervisorOf(app), pids(app)]).toEqual([supervisor, expect.objectContaining(before)])
  process.kill(supervisor, 'SIGTERM')
  await until('the end', () => app.survivors().length === 0)
  expect(await done(app, 'ps')).toBe('nothing runs here\n')
})

test('start --detach returns when all are up, holds on to nothing, and says who is there', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  // A command substitution waits for everybody who has its pipe.
  const shell = app.startBy(
    ['sh', '-c', 'text=$(node "$0" "$@" 2>&1 3>&1); echo "code $? text $text"'],
    ['start', '-D', ...PORT, '-m', 'web=2'],
  )
  expect(await shell.ended).toBe(0)
  expect(shell.output()).toMatch(
    new RegExp(
      String.raw`^code 0 text web\.1 on ${portAt(0)}, web\.2 on ${portAt(1)}, worker\.1 on ${portAt(100)}`,
    ),
  )
  const before = await running(app, 'web.1', 'web.2', 'worker.1')
  const supervisor = supervisorOf(app)
  for (const args of [['start', '-D'], ['start']]) {
    expect(await app.cli([...args, ...PORT])).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: tw-run is already running here: pid ${supervisor}\n  hint: see it with \`tw-run ps\`, change it with \`tw-run scale\`, end it with \`tw-run stop\`\n`,
    })
  }
  expect(pids(app)).toEqual(before)
  await stopped(app)
})

test('start --detach --wait returns when all are ready', async () => {
  const app = liveApp({ Procfile: 'worker: exec sleep 300' })
  const begun = performance.now()
  await detached(app, '--wait')
  expect(performance.now() - begun).toBeGreaterThan(1_000)
  expect((JSON.parse(await done(app, 'ps', '--json')) as { ready: boolean }[])[0]?.ready).toBe(true)
  await stopped(app)
})

test('start --detach --wait shows the last lines of what fails', async () => {
  const app = liveApp({ Procfile: 'worker: exec sleep 300\nbad: echo no database >&2; sleep 0.2; exit 3\n' })
  const first = await app.cli(['start', '-D', '--wait', ...PORT])
  expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining('bad.1 | no database') as string })
  expect(app.survivors()).toEqual([])
  const second = await app.cli(['start', '-D', '--wait', ...PORT, '--restart', 'on-failure'])
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(/bad\.1 \| no database\n[^]*not ready: bad\.1/)
  await stopped(app)
})

test('start --detach --wait shows the last lines safe to show, however long the log and they are', async () => {
  const app = liveApp({
    // Longer than a string may be, and next to nothing of it on the disk.
    Procfile: String.raw`bad: truncate -s 600M /proc/self/fd/1; printf '\n\033[2Jno database\n%03000d\n'; exit 3`,
  })
  const { code, stderr } = await app.cli(['start', '-D', '--wait', ...PORT])
  expect(code).toBe(1)
  expect(stderr).toContain(`bad.1 | \\x1b[2Jno database\nbad.1 | ${'0'.repeat(2_000)}...\n`)
  await until('it to be over', () => app.survivors().length === 0)
})

test('start --detach of what is over at once returns too', { timeout: 20_000 }, async () => {
  const app = liveApp({ Procfile: 'job: true\nother: exit 4\n' })
  for (let round = 0; round < 3; round += 1) {
    const { code } = await app.cli(['start', '-D', '--wait', ...PORT])
    expect(code).toBe(1)
    await until('it to be over', () => app.survivors().length === 0)
  }
})

test('start --detach --wait takes what ended with 0, and the run with it, for no readiness', async () => {
  const app = liveApp({ Procfile: 'web: sleep 0.2; exit 0\n' })
  for (let round = 0; round < 4; round += 1) {
    const { code, stderr } = await app.cli(['start', '-D', '--wait', ...PORT])
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^tw-run: the formation has ended: web\.1 ended \(exit code 0\)/m),
    ])
    await until('it to be over', () => app.survivors().length === 0)
  }
})

test('of six that start at once one does; the others say who, and nothing of earlier runs', async () => {
  const app = liveApp({ Procfile: `old: echo long ago; exec sleep 300\n` })
  await detached(app)
  await stopped(app)
  writeFileSync(app.path('Procfile'), SLEEPS)
  const all = await Promise.all(Array.from({ length: 6 }, () => app.cli(['start', '-D', ...PORT])))
  const supervisor = supervisorOf(app)
  const refused = {
    code: 1,
    stdout: '',
    stderr: `tw-run: tw-run is already running here: pid ${supervisor}\n  hint: see it with \`tw-run ps\`, change it with \`tw-run scale\`, end it with \`tw-run stop\`\n`,
  }
  expect(all.toSorted((a, b) => Number(a.code) - Number(b.code))).toEqual([
    { code: 0, stdout: expect.stringContaining('web.1 on') as string, stderr: '' },
    ...Array<unknown>(5).fill(refused),
  ])
  await stopped(app)
})

test('a start --detach that fails tells of itself and of no earlier run', async () => {
  const app = liveApp({ Procfile: 'old: echo long ago; exec sleep 300\nweb: echo of old; exec sleep 300\n' })
  await detached(app)
  await stopped(app)
  writeFileSync(app.path('Procfile'), 'release: echo no database >&2; exit 4\nweb: exec sleep 300\n')
  const { code, stderr } = await app.cli(['start', '-D', '--release', ...PORT])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^release\.1 \| no database\n/)
  expect(stderr).toMatch(/\ntw-run: the formation has ended: release\.1 exited with code 4\n$/)
  expect(stderr).not.toMatch(/long ago|of old|old\.1|tw-run stop/)
  writeFileSync(app.path('Procfile'), 'web: exec no-such-command\nworker: exec sleep 300\n')
  const second = await app.cli(['start', '-D', '--wait', ...PORT])
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(
    /^web\.1 \| .*no-such-command[^]*\ntw-run: the formation has ended: web\.1 exited with code 127 \(command not found\)\n$/,
  )
  expect(second.stderr).not.toMatch(/long ago|of old|old\.1|release/)
  await until('it to be over', () => app.survivors().length === 0)
})

const WAITS = 'release: until test -e go; do sleep 0.02; done\nweb: exec sleep 300\n'

test.each([[[]], [['--wait']]])(
  'start --detach %j returns when the stages have ended, where nothing comes after them',
  async (how) => {
    const app = liveApp({ Procfile: WAITS })
    const starter = app.startBy(
      [process.execPath],
      ['start', '-D', ...how, '-m', 'web=0', '--release', ...PORT],
    )
    await running(app, 'release.1')
    expect(starter.child.exitCode).toBeNull()
    writeFileSync(app.path('go'), '')
    expect(await starter.ended).toBe(0)
    expect(starter.output()).toBe('all stopped, nothing left running (every process has ended)\n')
    expect(app.survivors()).toEqual([])
  },
)

test('a stage takes as long as it takes: who waits for all does not give up before the formation has its time', async () => {
  const app = liveApp({ Procfile: WAITS })
  const starter = app.startBy([process.execPath], ['start', '-D', '--release', ...PORT])
  await running(app, 'release.1')
  let isOver = false
  const most = 200
  const found = waitFor(seen(app).state, 'up', undefined, most).finally(() => (isOver = true))
  const begun = performance.now()
  await until('more than its time', () => performance.now() > begun + 4 * most)
  expect([isOver, starter.child.exitCode]).toEqual([false, null])
  writeFileSync(app.path('go'), '')
  expect((await found).missing).toEqual([])
  expect(await starter.ended).toBe(0)
  await done(app, 'stop')
})

test('start --detach of nothing but a short stage leaves no supervisor behind', async () => {
  const app = liveApp({ Procfile: 'release: true\n' })
  expect(await app.cli(['start', '-D', '--release', ...PORT])).toEqual({
    code: 0,
    stdout: 'all stopped, nothing left running (every process has ended)\n',
    stderr: '',
  })
  expect(app.survivors()).toEqual([])
})

test('start --detach of no stage and no process is refused as start is', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  expect(await app.cli(['start', '-D', '-m', 'web=0', '--release', ...PORT])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing to run: the formation has no process') as string,
  })
})

test('a supervisor that is killed within a stage after which nothing runs is replaced until that has ended', async () => {
  const app = liveApp({ Procfile: WAITS })
  const starter = app.startBy([process.execPath], ['start', '-D', '-m', 'web=0', '--release', ...PORT])
  await running(app, 'release.1')
  const killed = await killSupervisor(app)
  await starter.ended
  await done(app, 'ps')
  await revived(app, killed)
  writeFileSync(app.path('go'), '')
  await until('its end', () => seen(app).session?.over === true && supervisors(app).length === 0)
  expect(seen(app).session?.ending).toMatchObject({ code: 0, reason: { kind: 'all-exited' } })
})

test('a formation that is scaled to nothing waits for more, and so does another supervisor', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  await detached(app)
  await done(app, 'scale', 'web=0')
  await running(app)
  const killed = await killSupervisor(app)
  await done(app, 'ps')
  await revived(app, killed)
  expect(await done(app, 'scale', 'web=1')).toBe('web: 0 -> 1\n')
  await running(app, 'web.1')
  await stopped(app)
})

test('start --detach --wait does not say of what was up that it was not', async () => {
  const app = liveApp({ Procfile: 'web: until test -e go; do sleep 0.02; done; exit 3\n' })
  const starter = app.startBy([process.execPath], ['start', '-D', '--wait', ...PORT])
  await running(app, 'web.1')
  writeFileSync(app.path('go'), '')
  expect(await starter.ended).toBe(1)
  expect(starter.output()).toMatch(/\ntw-run: the formation has ended: web\.1 exited with code 3\n$/)
})

test('a supervisor that is killed while its formation comes up is not the end of it', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  const starter = app.startBy([process.execPath], ['start', '-D', '--wait', ...PORT])
  const before = await running(app, 'web.1')
  const killed = await killSupervisor(app)
  expect(await starter.ended).toBe(1)
  expect(starter.output()).toMatch(
    /tw-run: the supervisor has ended, and what it started has not\n {2}hint: tw-run ps shows it\n$/,
  )
  await done(app, 'ps')
  await revived(app, killed)
  expect(await running(app, 'web.1')).toEqual(before)
  await stopped(app)
})

const DYING = 'web: echo hello; until test -e go; do sleep 0.02; done; echo fatal >&2; exit 7\n'

test.each([
  ['exits', [], 'web.1 exited with code 7'],
  ['gives up', ['--restart', 'on-failure:2'], 'web.1 exited with code 7'],
  ['loses its shim', [], 'web.1 ended, and its exit code is unknown: its shim was killed'],
])('what nobody asked for is said after the end: a process %s', async (how, args, why) => {
  const app = liveApp({ Procfile: `${DYING}worker: exec sleep 300\n` })
  await detached(app, ...args)
  const { 'web.1': web = 0 } = await running(app, 'web.1', 'worker.1')
  if (how === 'loses its shim') kill9(parentOf(web))
  else writeFileSync(app.path('go'), '')
  await until('its supervisor to be done', () => {
    const { session, supervisor } = seen(app)
    return session?.over === true && supervisor === undefined
  })
  const log = join(app.state(), 'supervisor.log')
  const told = `nothing runs here; the last run ended: ${why}`
  expect(await done(app, 'ps')).toBe(`${told} (see: tw-run logs web.1, and ${log})\n`)
  expect(await done(app, 'ps', '--json')).toBe('[]\n')
  for (const verb of ['stop', 'scale', 'scale web=2', 'restart', 'restart --rolling', 'reload'])
    expect(await app.cli(verb.split(' '))).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: ${told}\n  hint: see tw-run logs web.1, and ${log}; start it with: tw-run start\n`,
    })
  expect(await done(app, 'logs', 'web.1')).toContain('hello')
  await detached(app, '-m', 'web=0')
  await stopped(app)
  expect(await done(app, 'ps')).toBe('nothing runs here\n')
})

test('after an end in the foreground ps knows of no log of a supervisor', async () => {
  const app = liveApp({ Procfile: 'job: true\n' })
  expect(await app.start(PORT).ended).toBe(0)
  expect(await done(app, 'ps')).toBe(
    'nothing runs here; the last run ended: job.1 ended (exit code 0) (see: tw-run logs job.1)\n',
  )
})

test('start --detach refuses a wrong file and a taken port before anything starts', async () => {
  const app = probeApp('web: node probe.js listen\n')
  await detached(app)
  const other = probeApp('web: exec sleep 300\n')
  await until('the port to be taken', () => /ready/.test(app.runFile('web.1', 'log') ?? ''))
  expect(await other.cli(['start', '-D', ...PORT])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`port ${portAt(0)} of web.1 is taken by`) as string,
  })
  writeFileSync(other.path('Procfile'), 'nope\n')
  expect(await other.cli(['start', '-D', ...PORT])).toMatchObject({ code: 2 })
  expect(other.survivors()).toEqual([])
  await stopped(app)
})

test('Ctrl-C of the starter does no harm to what it started', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300' })
  // In a group of its own, as in a terminal, which sends Ctrl-C to all of it.
  const starter = app.startBy(['setsid', process.execPath], ['start', '-D', '--wait', ...PORT])
  await running(app, 'web.1')
  process.kill(-starter.pid, 'SIGINT')
  await starter.ended
  const before = pids(app)
  await done(app, 'scale', 'web=2', '--wait')
  expect(pids(app)).toMatchObject(before)
  await stopped(app)
})

test.each([
  ['ps', ['ps'], ['web.1', 'worker.1']],
  ['logs -f', ['logs', '-f'], ['web.1', 'worker.1']],
  ['scale', ['scale', 'worker+1'], ['web.1', 'worker.1', 'worker.2']],
  ['restart', ['restart', 'worker.1'], ['web.1', 'worker.1']],
  ['reload', ['reload'], ['web.1', 'worker.1']],
] as const)('a dead supervisor is replaced by %s, and the processes go on', async (_, args, expected) => {
  const app = liveApp({ Procfile: SLEEPS })
  await detached(app)
  const { 'web.1': web } = await running(app, 'web.1', 'worker.1')
  const before = await killSupervisor(app)
  const follows = args[1] === '-f' ? app.startBy([process.execPath], args) : undefined
  if (follows === undefined) await done(app, ...args)
  await revived(app, before)
  expect((await running(app, ...expected))['web.1']).toBe(web)
  await stopped(app)
  expect((await follows?.ended) ?? 0).toBe(0)
})

test('stop of a formation whose supervisor is dead leaves nothing', async () => {
  const app = probeApp('web: node probe.js child stubborn')
  await detached(app)
  await until('it to be ready', () => (app.runFile('web.1', 'log')?.match(/ready/g) ?? []).length === 2)
  await killSupervisor(app)
  await stopped(app)
  expect(history(app, 'web.1')).toEqual(['signal SIGKILL'])
})

test.each([true, false])(
  'a stop whose supervisor is killed in the middle goes on, detached %s',
  async (isDetached) => {
    const app = probeApp('web: node probe.js stubborn')
    const run = isDetached ? undefined : app.start([...PORT, '-t', '1'])
    if (isDetached) await detached(app)
    await running(app, 'web.1')
    await until('it to be ready', () => app.runFile('web.1', 'log')?.includes('ready'))
    const stopping = app.cli(['stop'])
    await until('it to be told', () => app.runFile('web.1', 'log')?.includes('SIGTERM'))
    await killSupervisor(app).catch(() => {})
    expect(await stopping).toMatchObject({ code: 0, stderr: '' })
    await run?.ended
    expect(app.survivors()).toEqual([])
  },
)

test('six commands over a dead supervisor make one, and none is lost', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  await detached(app)
  const before = await killSupervisor(app)
  const words = await Promise.all([
    ...Array.from({ length: 4 }, () => done(app, 'scale', 'worker+1')),
    done(app, 'ps'),
    done(app, 'scale', 'web=2'),
  ])
  expect(words.filter((line) => /^worker: \d -> \d$/m.test(line)).toSorted()).toEqual(
    [1, 2, 3, 4].map((n) => `worker: ${n} -> ${n + 1}\n`),
  )
  await running(app, 'web.1', 'web.2', ...[1, 2, 3, 4, 5].map((n) => `worker.${n}`))
  await revived(app, before)
  await stopped(app)
})

test('what was edited and not taken in is none of the next supervisor', async () => {
  const app = liveApp({ Procfile: `${SLEEPS}task: exec sleep 300\n` })
  await detached(app, '-m', 'task=0')
  const before = await running(app, 'web.1', 'worker.1')
  const session = readFileSync(join(app.state(), 'formation.json'), 'utf8')
  writeFileSync(app.path('Procfile'), 'web: exec sleep 301\nnew: exec sleep 300\n')
  await killSupervisor(app)
  expect((await app.cli(['scale', 'new=1'])).code).toBe(2)
  expect(JSON.parse(readFileSync(join(app.state(), 'formation.json'), 'utf8'))).toEqual(JSON.parse(session))
  expect(await running(app, 'web.1', 'worker.1')).toEqual(before)
  await done(app, 'scale', 'task=1')
  await running(app, 'web.1', 'worker.1', 'task.1')
  expect(await done(app, 'reload')).toBe('new: new\nworker: gone\ntask: gone\nweb: command changed\n')
  await running(app, 'web.1', 'new.1')
  await stopped(app)
})

/** What is typed and edited over web=1,worker=1, what is said of it, and the formation then. */
const TAKEN_IN = [
  {
    what: 'another type in the place of one',
    procfile: 'web: exec sleep 301\njobs: exec sleep 300\n',
    change: 'worker: gone\nweb: command changed',
    counts: { web: 1, jobs: 1 },
  },
  { what: 'a type less', procfile: 'web: exec sleep 300\n', change: 'worker: gone', counts: { web: 1 } },
  {
    what: 'a type less, the other one named',
    procfile: 'web: exec sleep 300\n',
    words: ['web'],
    change: 'worker: gone',
    counts: { web: 1 },
  },
  {
    what: 'fewer of a type',
    procfile: SLEEPS,
    words: ['-m', 'web=1,worker=0'],
    change: 'stopping worker.1',
    counts: { web: 1, worker: 0 },
  },
]

test.each(TAKEN_IN)(
  'start --detach over a killed supervisor takes in and says: $what',
  async ({ procfile, words = [], change, counts }) => {
    const app = liveApp({ Procfile: SLEEPS })
    await detached(app)
    await running(app, 'web.1', 'worker.1')
    await killSupervisor(app)
    writeFileSync(app.path('Procfile'), procfile)
    const there = Object.entries(counts).filter(([, count]) => count > 0)
    const places = there.map(([type], index) => `${type}.1 on ${portAt(100 * index)}`)
    expect(await done(app, 'start', ...words, '-D', ...PORT)).toBe(`${change}\n${places.join(', ')}\n`)
    await until('it to be what ps shows', () => rowsOf(seen(app)).length === there.length)
    await running(app, ...there.map(([type]) => `${type}.1`))
    const formation = Object.entries(counts).map(([type, count]) => `${type}=${count}`)
    expect(await done(app, 'scale')).toBe(`${formation.join(',')}\n`)
    expect(await done(app, 'scale', ...formation)).toBe(`nothing to change: ${formation.join(',')}\n`)
    expect(await done(app, 'reload')).toBe('nothing changed\n')
    const log = readFileSync(join(app.state(), 'supervisor.log'), 'utf8')
    for (const line of change.split('\n')) expect(log).toContain(line)
    await stopped(app)
  },
)

test.each([[['reload', 'worker: gone\n']], [[]]])(
  "a limit of a type that left the Procfile is in nobody's way, after %j",
  async ([command, said]) => {
    const app = liveApp({ Procfile: SLEEPS })
    await detached(app, '--max', 'worker=1,web=2')
    await running(app, 'web.1', 'worker.1')
    writeFileSync(app.path('Procfile'), 'web: exec sleep 300\n')
    const answer = command === undefined ? undefined : await done(app, command)
    expect(answer).toBe(said)
    await killSupervisor(app)
    expect(await done(app, 'start', '-D', ...PORT)).toContain(`web.1 on ${portAt(0)}`)
    expect((await app.cli(['scale', 'web=3'])).stderr).toContain('--max')
    // Nobody has to know what is not there, but what somebody types now.
    expect(await app.cli(['start', '-D', ...PORT, '--max', 'worker=1'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unknown process type "worker"') as string,
    })
    await stopped(app)
  },
)

test('a type that is back when a killed supervisor is carried on is started, though it had come to its end', async () => {
  const app = liveApp({ Procfile: `${SLEEPS}task: true\n` })
  await detached(app, '--restart', 'on-failure')
  await until('its end', () => seen(app).observed.get('task.1')?.phase === 'exited')
  writeFileSync(app.path('Procfile'), SLEEPS)
  expect(await done(app, 'reload')).toBe('task: gone\n')
  await killSupervisor(app)
  writeFileSync(app.path('Procfile'), `${SLEEPS}task: exec sleep 300\n`)
  await detached(app)
  await running(app, 'web.1', 'worker.1', 'task.1')
  await stopped(app)
})

test('what is broken in the files does not keep a formation from being supervised', async () => {
  const app = liveApp({ Procfile: 'web: echo first; exec sleep 300\n' })
  await detached(app, '--restart', 'always')
  const { 'web.1': web = 0 } = await running(app, 'web.1')
  writeFileSync(app.path('Procfile'), 'what is this\n')
  const before = await killSupervisor(app)
  const watch = app.startBy([process.execPath], ['logs', '-f'])
  await revived(app, before)
  expect(pids(app)['web.1']).toBe(web)
  kill9(web)
  await until('it to be started again', () => (pids(app)['web.1'] ?? web) !== web)
  await watch.waitFor(/first[^]*first/)
  // Not one try after the other while it comes up.
  const log = readFileSync(join(app.state(), 'supervisor.log'), 'utf8')
  expect(log.match(/already running/g) ?? []).toEqual([])
  await stopped(app)
  expect(await watch.ended).toBe(0)
})

/** Every set of the three, by bits. */
const KILLED = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
  supervisor: (bits & 1) !== 0,
  shim: (bits & 2) !== 0,
  command: (bits & 4) !== 0,
}))

test(
  'any of supervisor, shim and process may be killed together: one of each is there again',
  { timeout: 60_000 },
  async () => {
    const recovers = async (kill: (typeof KILLED)[number]): Promise<void> => {
      const app = liveApp({ Procfile: 'web: exec sleep 300' })
      await detached(app, '--restart', 'always')
      const { 'web.1': pid = 0 } = await running(app, 'web.1')
      const supervisor = supervisorOf(app)
      const shim = parentOf(pid)
      for (const [isMeant, target] of [
        [kill.supervisor, supervisor],
        [kill.shim, shim],
        [kill.command, pid],
      ] as const)
        if (isMeant) kill9(target)
      await until('them to be gone', () =>
        [kill.supervisor && supervisor, kill.shim && shim, kill.command && pid].every(
          (one) => one === false || !isAlive(one),
        ),
      )
      await done(app, 'ps')
      if (kill.supervisor) await revived(app, supervisor)
      const isReplaced = kill.shim || kill.command
      await until(
        () => `web.1 after ${JSON.stringify(kill)}`,
        () => {
          const now = pids(app)['web.1']
          return now !== undefined && (now === pid) !== isReplaced && isAlive(now)
        },
      )
      await until(
        'only one of it',
        () => app.survivors().filter(({ command }) => command === 'sleep 300').length === 1,
      )
      // What it has just forked bears its name until it is a shim.
      await until('only one supervisor', () => String(supervisors(app)) === String(seen(app).supervisor))
      const ends = history(app, 'web.1')
      // Where both were killed, either may have come first.
      const how =
        kill.shim && kill.command
          ? /^(lost shim|signal SIGKILL)$/
          : kill.shim
            ? /^lost shim$/
            : /^signal SIGKILL$/
      expect(ends.join()).toMatch(isReplaced ? how : /^$/)
      await stopped(app)
    }
    const left = [...KILLED]
    const failures: string[] = []
    const worker = async (): Promise<void> => {
      for (let kill = left.shift(); kill !== undefined; kill = left.shift()) {
        const name = JSON.stringify(kill)
        await recovers(kill).catch((error: unknown) => failures.push(`${name}: ${(error as Error).message}`))
      }
    }
    await Promise.all([worker(), worker(), worker()])
    expect(failures).toEqual([])
  },
)

test('a supervisor killed in a grace period: the next one goes on with what is left of it', async () => {
  const app = probeApp('web: node probe.js stubborn\nworker: node probe.js stubborn\n')
  await detached(app, '-t', '3', '--restart', 'always', '-m', 'all=2')
  const before = await running(app, 'web.1', 'web.2', 'worker.1', 'worker.2')
  for (const id of ['web.2', 'worker.1'])
    await until(`${id} to be ready`, () => /ready/.test(app.runFile(id, 'log') ?? ''))
  const begun = performance.now()
  await done(app, 'stop', 'worker.1')
  await done(app, 'scale', 'web=1')
  for (const id of ['web.2', 'worker.1'])
    await until(`${id} to be told`, () => /SIGTERM/.test(app.runFile(id, 'log') ?? ''))
  const killed = await killSupervisor(app)
  await until('half of the grace period', () => performance.now() - begun > 1_000)
  await done(app, 'ps')
  await revived(app, killed)
  for (const id of ['web.2', 'worker.1']) expect(isAlive(before[id] ?? 0)).toBe(true)
  for (const id of ['web.2', 'worker.1']) {
    await until(`${id} to be killed`, () => !isAlive(before[id] ?? 0))
    const took = performance.now() - begun
    expect(took).toBeGreaterThan(2_900)
    expect(took).toBeLessThan(4_500)
  }
  await until('their ends', () => history(app, 'web.2').length + history(app, 'worker.1').length === 2)
  expect(await running(app, 'web.1', 'worker.2')).toMatchObject({ 'web.1': before['web.1'] })
  // Told once, and by no later supervisor again.
  for (const id of ['web.2', 'worker.1']) expect(app.runFile(id, 'log')).not.toContain('number 2')
  await Promise.all(['web.1', 'worker.2'].map(async (id) => kill9(before[id])))
  await stopped(app)
})

test(
  'a crash loop is paced over kills of the supervisor and commands in between',
  { timeout: 40_000 },
  async () => {
    const app = liveApp({ Procfile: 'web: exec sleep 300\nbad: exit 5\n' })
    const begun = performance.now()
    // It may be seen to fail before all are up.
    await app.cli(['start', '-D', ...PORT, '--restart', 'always'])
    await until('two ends', () => history(app, 'bad.1').length >= 2)
    for (let round = 0; round < 6; round += 1) {
      const before = await killSupervisor(app)
      await done(app, 'scale', round % 2 === 0 ? 'web+1' : 'web-1')
      await revived(app, before)
    }
    const took = performance.now() - begun
    // At 0, 0, 1, 3, 7 seconds, jitter left out.
    const most = took < 1_000 ? 2 : took < 3_000 ? 3 : took < 7_000 ? 4 : 5
    expect(history(app, 'bad.1').length).toBeLessThanOrEqual(most)
    expect(seen(app).observed.get('bad.1')?.phase).toBe('backoff')
    await stopped(app)
  },
)
