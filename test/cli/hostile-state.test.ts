import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { kill9, liveApp, removedInUse, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { BIN } from '../support/rig.ts'
import {
  done,
  isAlive,
  killSupervisor,
  parentOf,
  pids,
  probeApp,
  running,
  seen,
  supervisors,
  supervisorOf,
} from '../support/control.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const SLEEPS = 'web: exec sleep 300\nworker: exec sleep 300\n'

const partsOf = (app: LiveApp): string[] => readdirSync(app.state()).map((name) => join(app.state(), name))

const mounts: string[] = []
/** Before the app's own clean-up, which removes what is mounted on. */
function unmount(): void {
  for (const path of mounts.splice(0)) execFileSync('umount', ['-l', path])
}
afterEach(unmount)

function mountOn(path: string, options: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,${options}`, 'none', path])
  mounts.push(path)
}

function makeReadOnly(path: string): void {
  execFileSync('mount', ['--bind', path, path])
  mounts.push(path)
  execFileSync('mount', ['-o', 'remount,bind,ro', path])
}

requires(
  'linux',
  'root',
  'mount',
)('a full disk under the state: what runs goes on, is started again and can be stopped', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  mountOn(app.stateDir, 'size=64k')
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  const before = await running(app, 'web.1', 'worker.1')
  const supervisor = supervisorOf(app)
  try {
    writeFileSync(join(app.stateDir, 'filler'), Buffer.alloc(1024 * 1024))
  } catch {
    // As full as it gets.
  }
  kill9(before['worker.1'])
  await until('the end to be seen', () => !isAlive(before['worker.1'] ?? 0))
  const answer = await app.cli(['scale', 'web=2'])
  expect([0, 1]).toContain(answer.code)
  expect(isAlive(supervisor)).toBe(true)
  expect(isAlive(before['web.1'] ?? 0)).toBe(true)
  const text = readFileSync(join(app.state(), 'formation.json'), 'utf8')
  expect(() => JSON.parse(text) as unknown).not.toThrow()
  rmSync(join(app.stateDir, 'filler'))
  // With room again everything is as it was asked for.
  await until('worker.1 to be up again', () => pids(app)['worker.1'])
  await done(app, 'scale', 'web=2', '--wait')
  expect(seen(app).session?.counts).toEqual({ web: 2, worker: 1 })
  expect(supervisorOf(app)).toBe(supervisor)
  expect(pids(app)['web.1']).toBe(before['web.1'])
  await done(app, 'stop')
  expect(app.survivors()).toEqual([])
  unmount()
})

requires(
  'linux',
  'root',
  'mount',
)('a full disk does not keep a formation from being stopped', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  mountOn(app.stateDir, 'size=64k')
  await done(app, 'start', '-D', ...PORT)
  await running(app, 'web.1', 'worker.1')
  try {
    writeFileSync(join(app.stateDir, 'filler'), Buffer.alloc(1024 * 1024))
  } catch {
    // As full as it gets.
  }
  process.kill(supervisorOf(app), 'SIGTERM')
  await until('all of it to be gone', () => app.survivors().length === 0)
  unmount()
})

requires(
  'linux',
  'root',
  'mount',
)('in a state directory that became read-only commands are heard, and all can be stopped', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  mountOn(app.stateDir, 'size=4m')
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  const supervisor = supervisorOf(app)
  await running(app, 'web.1', 'worker.1')
  makeReadOnly(app.stateDir)
  const scaled = await app.cli(['scale', 'web+1'])
  expect([scaled.code, scaled.stderr]).toEqual([
    1,
    expect.stringContaining('nothing was changed: the state directory cannot be written to'),
  ])
  const stopping = await app.cli(['stop'])
  expect(stopping.stdout).toContain('stopping everything')
  expect(stopping.stderr).not.toContain('bug')
  await until('all of it to be gone', () => app.survivors().length === 0)
  expect(isAlive(supervisor)).toBe(false)
  // They asked by a folder of their own.
  expect(app.scratch()).toEqual([])
  unmount()
})

requires(
  'linux',
  'root',
  'mount',
)('a state directory that becomes unwritable: what runs goes on, and it is said', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  mountOn(app.stateDir, 'size=4m')
  const run = app.start([...PORT, '--restart', 'always'])
  const before = await running(app, 'web.1', 'worker.1')
  makeReadOnly(app.stateDir)
  kill9(before['worker.1'])
  await run.waitFor(/cannot write to the state directory|worker\.1 .*ended|worker\.1 .*read-only/i)
  expect(isAlive(before['web.1'] ?? 0)).toBe(true)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(app.survivors()).toEqual([])
  unmount()
})

test.each([
  ['whole', (app: LiveApp) => [app.stateDir]],
  // So leaves it who deletes while files are made in it.
  [
    'but for what came meanwhile',
    (app: LiveApp) => partsOf(app).filter((path) => !/(ready|spares)$/.test(path)),
  ],
])(
  'a state directory deleted under a detached formation, %s, ends it; no second one is made',
  async (_, pathsOf) => {
    const app = liveApp({ Procfile: SLEEPS })
    await done(app, 'start', '-D', ...PORT)
    await running(app, 'web.1', 'worker.1')
    for (const path of pathsOf(app)) await removedInUse(path)
    const { code, stdout } = await app.cli(['ps'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'nothing runs here\n' })
    await until('all of it to be gone', () => app.survivors().length === 0)
    await done(app, 'start', '-D', ...PORT)
    await running(app, 'web.1', 'worker.1')
    await done(app, 'stop')
    expect(app.survivors()).toEqual([])
  },
)

test.each([
  ['damaged', '{"version":1,"id":'],
  ['empty', ''],
  ['missing', undefined],
])('formation.json %s: nothing that runs is hidden, and the next start carries on', async (_, text) => {
  const app = probeApp('web: node probe.js listen\nworker: exec sleep 300\n')
  await done(app, 'start', '-D', ...PORT)
  const before = await running(app, 'web.1', 'worker.1')
  await until('web.1 to listen', () => /ready/.test(app.runFile('web.1', 'log') ?? ''))
  await killSupervisor(app)
  const path = join(app.state(), 'formation.json')
  if (text === undefined) rmSync(path)
  else writeFileSync(path, text)
  expect(await done(app, 'ps')).toMatch(
    /^web\.1 [^]*^worker\.1 [^]*^no supervisor: .*carry on with: tw-run start$/m,
  )
  const list = `web.1 (pid ${before['web.1']}), worker.1 (pid ${before['worker.1']})`
  for (const verb of ['stop', 'restart', 'restart --rolling', 'scale', 'scale web=2'])
    expect(await app.cli(verb.split(' '))).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: of no formation on record, but running here: ${list}\n  hint: tw-run start carries on with that, and then it can be stopped\n`,
    })
  await done(app, 'start', '-D', ...PORT)
  expect(await running(app, 'web.1', 'worker.1')).toEqual(before)
  await done(app, 'stop')
  expect(app.survivors()).toEqual([])
})

test('a state directory deleted while nobody supervises: its processes are not started twice', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  const run = app.start(PORT)
  await running(app, 'web.1', 'worker.1')
  run.signal('SIGKILL')
  await run.ended
  rmSync(join(app.state(), 'processes', 'web.1'), { recursive: true })
  const { code, stdout, stderr } = await app.cli(['ps', '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect((JSON.parse(stdout) as { process: string }[]).map(({ process }) => process)).toEqual(['worker.1'])
  for (const { pid, command } of app.survivors()) if (command.includes('web.1')) process.kill(pid, 'SIGKILL')
  for (const { pid, command } of app.survivors())
    if (command === 'sleep 300' && pid !== pids(app)['worker.1']) process.kill(pid, 'SIGKILL')
  await done(app, 'stop')
  expect(app.survivors()).toEqual([])
})

test('two projects in state directories of 200 characters never talk to each other', async () => {
  const apps = [liveApp({ Procfile: SLEEPS }), liveApp({ Procfile: SLEEPS })] as const
  const folder = (app: (typeof apps)[number], end: string): string => {
    const base = join(app.stateDir, 'x'.repeat(100))
    return join(base, `${'y'.repeat(200 - base.length - 2)}${end}`)
  }
  const [one, other] = apps
  // The same folder for both, and longer than any socket's path.
  const path = folder(one, 'a')
  expect(path.length).toBe(200)
  for (const [index, app] of apps.entries())
    expect(
      await app.cli([
        'start',
        '-D',
        '-p',
        String(portAt(20 * index)),
        '--port-step',
        '10',
        '--state-dir',
        path,
      ]),
    ).toMatchObject({ code: 0 })
  expect((await one.cli(['scale', 'web=2', '--wait', '--state-dir', path])).stdout).toBe('web: 1 -> 2\n')
  const shown = async (app: (typeof apps)[number]): Promise<string[]> =>
    (JSON.parse((await app.cli(['ps', '--json', '--state-dir', path])).stdout) as { process: string }[]).map(
      (row) => row.process,
    )
  expect(await shown(one)).toEqual(['web.1', 'web.2', 'worker.1'])
  expect(await shown(other)).toEqual(['web.1', 'worker.1'])
  expect(await one.cli(['stop', '--state-dir', path])).toMatchObject({ code: 0 })
  expect(await shown(other)).toEqual(['web.1', 'worker.1'])
  expect(await other.cli(['stop', '--state-dir', path])).toMatchObject({ code: 0 })
  for (const app of apps) expect(app.survivors()).toEqual([])
})

test('where FIFOs cannot be made a detached start says the way out, and nothing runs', async () => {
  const app = liveApp({ Procfile: SLEEPS })
  mkdirSync(app.path('bin'))
  writeFileSync(
    app.path('bin/mkfifo'),
    '#!/bin/sh\necho "mkfifo: cannot create fifo: Operation not permitted" >&2; exit 1\n',
    { mode: 0o755 },
  )
  const { code, stderr } = await app.cli(['start', '-D', ...PORT], {
    PATH: `${app.path('bin')}:${process.env['PATH']}`,
  })
  expect(code).toBe(1)
  expect(stderr).toContain('--state-dir')
  await until('nothing to run', () => app.survivors().length === 0)
})

test("a dead supervisor's pid that somebody else has got now is no supervisor", async () => {
  const app = liveApp({ Procfile: SLEEPS })
  await done(app, 'start', '-D', ...PORT)
  const before = await running(app, 'web.1', 'worker.1')
  const dead = await killSupervisor(app)
  // The number as the lock file has it, of a process that is nobody's supervisor.
  writeFileSync(join(app.state(), 'lock'), `${process.pid}\n`)
  expect(await done(app, 'scale', 'web=2', '--wait')).toBe('web: 1 -> 2\n')
  expect(pids(app)).toMatchObject(before)
  expect(supervisors(app)).not.toContain(dead)
  await done(app, 'stop')
  expect(app.survivors()).toEqual([])
})

/** Lets the shell in a pid namespace give the number to a process that ignores nothing and dies of any signal. */
const REUSE = `
set -u
# What the shell itself says of those it kills is no part of the answer.
exec 2>err
node "$BIN" start -p ${portAt(100)} -t 1 --restart always >out1 2>&1 & sup=$!
n=0; until grep -q 'up as' out1; do sleep 0.05; n=$((n+1)); test $n -lt 200 || exit 9; done
web=$(sed -n 's/.*| up as \\([0-9]*\\)$/\\1/p' out1 | head -n 1)
shim=$(cut -d ' ' -f 4 /proc/$web/stat)
kill -9 $sup $shim $web
wait $sup 2>/dev/null
n=0; while test -e /proc/$shim || test -e /proc/$web; do sleep 0.02; n=$((n+1)); test $n -lt 200 || exit 8; done
take() { n=0
  while :; do
    echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid; setsid sleep 500 & got=$!
    test $got = $1 && return; kill -9 $got; n=$((n+1)); test $n -lt 50 || exit 7
  done; }
take $shim; take $web; take $sup
node "$BIN" ps >ps1 2>&1; echo "ps $?"
node "$BIN" scale web=2 >scale1 2>&1; echo "scale $?"
node "$BIN" start -p ${portAt(100)} -t 1 --restart always -m web=1 >out2 2>&1 & sup2=$!
n=0; until grep -q 'up as' out2; do sleep 0.05; n=$((n+1)); test $n -lt 200 || { cat out2; exit 6; }; done
node "$BIN" stop >stop1 2>&1; echo "stop $?"
wait $sup2; echo "start $?"
sleep 0.1
for pid in $shim $web $sup; do tr '\\0' ' ' </proc/$pid/cmdline; echo; done
`

requires('linux', 'root', 'unshare')(
  'pids that strangers have got meanwhile are neither adopted nor signalled',
  { timeout: 40_000 },
  async () => {
    // Nobody reaps here but the shell: whatever it is that dies must not be counted as alive.
    const app = liveApp({ Procfile: 'web: echo up as $$; exec sleep 300\n', 'reuse.sh': REUSE })
    const run = app.startBy([
      'env',
      `BIN=${BIN}`,
      'unshare',
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      'sh',
      app.path('reuse.sh'),
    ])
    expect(await run.ended, run.output()).toBe(0)
    expect(run.lines()).toEqual([
      'ps 0',
      'scale 0',
      'stop 0',
      'start 0',
      'sleep 500 ',
      'sleep 500 ',
      'sleep 500 ',
    ])
    expect(readFileSync(app.path('ps1'), 'utf8')).toMatch(/^web\.1 +\S+ +- /m)
    expect(readFileSync(app.path('stop1'), 'utf8')).toContain('all stopped, nothing left running')
    await until('the namespace to be gone', () => app.survivors().length === 0)
  },
)

requires('linux', 'root', 'unshare')(
  'as pid 1 it works, and warns that nobody reaps what others leave',
  { timeout: 30_000 },
  async () => {
    const app = liveApp({ Procfile: 'web: (sleep 0.1 &); echo up; exec sleep 300\n' })
    const run = app.startBy(
      ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath],
      ['start', ...PORT, '--restart', 'always'],
    )
    await run.waitFor(/web\.1 .*up/)
    await run.waitFor(/running as pid 1.*init/)
    const inside = Number(readdirSync(`/proc/${run.pid}/task`)[0])
    const first = Number(readFileSync(`/proc/${inside}/task/${inside}/children`, 'utf8').trim())
    expect(statSync(`/proc/${first}`).isDirectory()).toBe(true)
    const sleeping = await until('web.1', () =>
      app.survivors().find(({ command }) => command === 'sleep 300'),
    )
    process.kill(sleeping.pid, 'SIGKILL')
    await run.waitFor(/was killed by SIGKILL|signal SIGKILL|SIGKILL/)
    await run.waitFor(/up[^]*web\.1 +\| up/)
    // Killed with its shim: what is left is a zombie that nobody reaps, and is not alive.
    const again = await until('web.1 again', () =>
      app.survivors().find(({ pid, command }) => command === 'sleep 300' && pid !== sleeping.pid),
    )
    process.kill(parentOf(again.pid), 'SIGKILL')
    process.kill(again.pid, 'SIGKILL')
    await until('a third', () =>
      app.survivors().find(({ pid, command }) => command === 'sleep 300' && pid !== again.pid),
    )
    process.kill(first, 'SIGTERM')
    expect(await run.ended).toBe(143)
    expect(run.lines().at(-1)).toContain('all stopped, nothing left running')
    expect(app.survivors()).toEqual([])
  },
)
