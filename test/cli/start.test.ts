import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { done, seen } from '../support/control.ts'
import { endsClean, kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1', '--no-timestamps']

test('--release runs build, then release, then the formation', async () => {
  const app = liveApp({
    Procfile: `web: echo serving >>order; echo up; exec sleep 100
release: sleep 0.2; echo migrating >>order; echo $PS on $PORT
build: echo compiling >>order; echo built
`,
  })
  const run = app.start([...PORT, '--release'])
  await run.waitFor(/web\.1 +\| up/)
  expect(readFileSync(app.path('order'), 'utf8')).toBe('compiling\nmigrating\nserving\n')
  expect(run.output()).toContain(`release.1 | release.1 on ${portAt(100)}`)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test.each([
  ['build', 'build: exit 5\nrelease: touch started\nweb: touch started', 5],
  ['release', 'build: true\nrelease: kill -9 $$\nweb: touch started', 137],
])('a %s that fails stops everything with its code', async (_, procfile, code) => {
  const app = liveApp({ Procfile: procfile })
  const run = app.start([...PORT, '--release', '--restart', 'always'])
  expect(await run.ended).toBe(code)
  expect(existsSync(app.path('started'))).toBe(false)
})

test('killed within a stage, the next one goes on with it and then with the rest', async () => {
  const app = liveApp({
    Procfile:
      'release: echo begun >>order; until test -e go; do sleep 0.05; done; echo done >>order\nweb: echo up; exec sleep 100',
  })
  const first = app.start([...PORT, '--release'])
  await first.waitFor(/release\.1 on/)
  first.signal('SIGKILL')
  await first.ended
  const second = app.start([...PORT, '--release'])
  await second.waitFor(/1 still running \(release\.1\)/)
  writeFileSync(app.path('go'), '')
  await second.waitFor(/web\.1 +\| up/)
  expect(readFileSync(app.path('order'), 'utf8')).toBe('begun\ndone\n')
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})

const STAGES = 'build: echo built\nrelease: echo migrated; exit ${RC:-0}\n'

test.each([
  ['the Procfile has nothing else', STAGES, []],
  ['no other type runs', `${STAGES}web: exec sleep 100\n`, ['-m', 'web=0']],
] as const)('a run of nothing but stages ends with the last of them, where %s', async (_, Procfile, args) => {
  const app = liveApp({ Procfile })
  const run = app.start([...PORT, ...args, '--release'])
  expect(await run.ended).toBe(0)
  expect(run.output()).toMatch(
    /release\.1 +\| migrated\n.*release\.1 ended \(exit code 0\).*\n.*all stopped, nothing left running \(every process has ended\)\n$/,
  )
  expect(await app.start([...PORT, ...args, '--release'], { RC: '4' }).ended).toBe(4)
  expect(await app.cli(['start', ...PORT, ...args])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing to run: the formation has no process') as string,
  })
})

const WAITS = 'release: until test -e go; do sleep 0.02; done\nweb: echo up; exec sleep 100\n'

test('killed within a stage after which nothing runs, the next one ends with it', async () => {
  const app = liveApp({ Procfile: WAITS })
  const args = [...PORT, '-m', 'web=0', '--release']
  const first = app.start(args)
  await first.waitFor(/release\.1 on/)
  first.signal('SIGKILL')
  await first.ended
  const second = app.start(args)
  await second.waitFor(/1 still running \(release\.1\)/)
  writeFileSync(app.path('go'), '')
  expect(await second.ended).toBe(0)
})

test('what is asked for while a stage runs that was to be the last comes after it', async () => {
  const app = liveApp({ Procfile: WAITS })
  const run = app.start([...PORT, '-m', 'web=0', '--release'])
  await run.waitFor(/release\.1 on/)
  expect(await done(app, 'scale', 'web=1')).toBe('web: 0 -> 1\n')
  writeFileSync(app.path('go'), '')
  await run.waitFor(/web\.1 +\| up/)
  await endsClean(app, run)
})

/** The stages are over, and nothing of the formation lives. */
async function isEmpty(app: LiveApp): Promise<void> {
  await until('the formation to be empty', () => {
    const { session, slots } = seen(app)
    return session?.stages[0] === 'formation' && slots.runs().every(({ life }) => life === 'dead')
  })
}

test.each(['while its release runs', 'while it serves'])(
  'a formation that is scaled to nothing %s waits for more, and so does the next tw-run',
  async (when) => {
    const app = liveApp({ Procfile: WAITS })
    const first = app.start([...PORT, '--release'])
    await first.waitFor(/release\.1 on/)
    if (when === 'while it serves') {
      writeFileSync(app.path('go'), '')
      await first.waitFor(/web\.1 +\| up/)
    }
    await done(app, 'scale', 'web=0')
    writeFileSync(app.path('go'), '')
    await isEmpty(app)
    first.signal('SIGKILL')
    expect(await first.ended).toBe('SIGKILL')
    const second = app.start(['--no-timestamps'])
    await second.waitFor(/carries on from here: 0 still running/)
    await done(app, 'scale', 'web=1')
    await second.waitFor(/web\.1 +\| up/)
    await endsClean(app, second)
  },
)

const ORDER = 'release: echo released >>order\nweb: echo serving >>order; echo up; exec sleep 100\n'
const LATE = 'what a killed tw-run had started runs here, and release would have to come before it'

/** A formation past its release, whose tw-run was killed. */
async function killedWhileServing(): Promise<LiveApp> {
  const app = liveApp({ Procfile: ORDER })
  const first = app.start([...PORT, '--release'])
  await first.waitFor(/web\.1 +\| up/)
  first.signal('SIGKILL')
  await first.ended
  return app
}

test('a release that is asked for over what a killed tw-run left is refused, and what lives goes on', async () => {
  const app = await killedWhileServing()
  for (const background of [[], ['--detach']]) {
    expect(await app.cli(['start', ...PORT, '--release', ...background])).toEqual({
      code: 1,
      stdout: '',
      stderr: `tw-run: ${LATE}\n  hint: carry on without: tw-run start; or begin anew: tw-run stop, then tw-run start --release\n`,
    })
  }
  const asked = await app.cli(['start', ...PORT], { TW_RUN_RELEASE: '1' })
  expect(asked.stderr).toContain('carry on without: TW_RUN_RELEASE=0 tw-run start; or begin anew:')
  const second = app.start(PORT, { TW_RUN_RELEASE: '0' })
  await second.waitFor(/1 still running \(web\.1\)/)
  await endsClean(app, second)
  expect(readFileSync(app.path('order'), 'utf8')).toBe('released\nserving\n')
})

const ANEW = 'released\nserving\n'.repeat(2)

/** What ran in which order, until the formation serves a second time and was stopped. */
async function orderOnceMore(app: LiveApp, run: LiveRun): Promise<string> {
  const order = (): string => readFileSync(app.path('order'), 'utf8')
  await until(
    () => `web once more:\n${order()}${run.output()}`,
    () => /(serving[^]*){2}/.test(order()),
  )
  await endsClean(app, run)
  return order()
}

test('a release runs first where nothing is left of what a killed tw-run had started', async () => {
  const app = await killedWhileServing()
  kill9(app.survivors().find(({ command }) => command === 'sleep 100')?.pid)
  await until('its shim to end', () => app.runFile('web.1', 'exit'))
  const second = app.start([...PORT, '--release', '--restart', 'always'])
  expect(await orderOnceMore(app, second)).toBe(ANEW)
})

test('after a stop the release that was refused runs', async () => {
  const app = await killedWhileServing()
  expect((await app.cli(['stop'])).code).toBe(0)
  const second = app.start([...PORT, '--release'])
  expect(await orderOnceMore(app, second)).toBe(ANEW)
})

test('a release runs again, and first, where what was started is not known any more', async () => {
  const app = await killedWhileServing()
  writeFileSync(`${app.state()}/formation.json`, '{')
  const second = app.start([...PORT, '--release'])
  expect(await orderOnceMore(app, second)).toBe(ANEW)
})

test('stages are no part of the formation', async () => {
  const app = liveApp({ Procfile: 'web: echo up\nrelease: touch released\nbuild: touch built' })
  expect(await app.start(PORT).ended).toBe(0)
  expect(existsSync(app.path('released')) || existsSync(app.path('built'))).toBe(false)
})

test('configuration is read again at every start of a process', async () => {
  const app = liveApp({ Procfile: 'web: echo "value $VALUE"; sleep 0.2; exit 1', '.env': 'VALUE=old\n' })
  const run = app.start([...PORT, '--restart', 'on-failure'])
  await run.waitFor(/value old/)
  writeFileSync(app.path('.env'), 'VALUE=new\n')
  await run.waitFor(/value new/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test('a process has the null device as stdin, one log as stdout and stderr, and no other descriptor', async () => {
  const app = liveApp({ Procfile: 'web: ls -l /proc/self/fd | sed "s/.* -> //"; echo to stderr >&2' })
  // Whoever starts us may have left something open, as CI runners do.
  const run = app.startBy(
    ['sh', '-c', 'exec 7</etc/passwd 9>/dev/null; exec "$0" "$@"', process.execPath],
    ['start', ...PORT],
  )
  expect(await run.ended).toBe(0)
  const shown = run.lines().flatMap((line) => /^web\.1 +\| (.+)$/.exec(line)?.[1] ?? [])
  expect(shown[0]).toMatch(/^total/)
  expect(shown[1]).toBe('/dev/null')
  expect(shown[2]).toMatch(/^pipe:/)
  expect(shown[3]).toMatch(/\/processes\/web\.1\/1\/log$/)
  // The last one is ls reading the folder.
  expect(shown.slice(4)).toEqual([expect.stringMatching(/^\/proc\/\d+\/fd$/), 'to stderr'])
})

test('what is injected is what the design says', async () => {
  const app = liveApp({
    Procfile: 'one: sleep 100\nweb: env | sort; sleep 0.3; pwd; ls -a $TMPDIR | wc -l; stat -c %a $TMPDIR',
    '.env': 'FROM_FILE=file\nBOTH=file\n',
  })
  const run = app.start(PORT, { BOTH: 'shell' })
  expect(await run.ended).toBe(0)
  const shown = run.lines().flatMap((line) => /^web\.1 +\| (.+)$/.exec(line)?.[1] ?? [])
  expect(shown).toEqual(
    expect.arrayContaining([
      `PORT=${portAt(100)}`,
      'PS=web.1',
      'TW_RUN_PROCESS=web.1',
      'PYTHONUNBUFFERED=1',
      'FROM_FILE=file',
      'BOTH=shell',
      `PWD=${app.root}`,
    ]),
  )
  expect(shown.some((line) => /^TW_RUN_INSTANCE=[0-9a-f]{16}$/.test(line))).toBe(true)
  expect(shown.some((line) => line.startsWith('FORCE_COLOR'))).toBe(false)
  expect(shown.slice(-3)).toEqual([app.root, '2', '700'])
})

test('options come from TW_RUN_* in the shell and in .env too', async () => {
  const app = liveApp({
    Procfile: 'web: echo on $PORT',
    '.env': `TW_RUN_PORT=${portAt(300)}\nTW_RUN_TIMESTAMPS=false\n`,
  })
  const run = app.start([], { TW_RUN_FORMATION: 'web=2', TW_RUN_RESTART: 'on-failure' })
  expect(await run.ended).toBe(0)
  expect(run.lines().toSorted()).toEqual(
    expect.arrayContaining([`web.1  | on ${portAt(300)}`, `web.2  | on ${portAt(301)}`]),
  )
})

test('a tw-run within a tw-run is stopped with everything it started, also when it is killed', async () => {
  const app = liveApp({
    Procfile: `inner: exec "$NODE" "$BIN" start -d sub -p ${portAt(500)} --no-timestamps`,
  })
  mkdirSync(app.path('sub'))
  writeFileSync(app.path('sub/Procfile'), 'deep: echo deep up; exec sleep 100\n')
  const env = { NODE: process.execPath, BIN: new URL('../../dist/cli/tw-run.cjs', import.meta.url).pathname }
  const run = app.start([...PORT, '--restart', 'on-failure'], env)
  await run.waitFor(/deep up/)
  const inner = app
    .survivors()
    .find(({ command }) => command.includes('start -d sub') && !command.includes('trap'))
  kill9(inner?.pid)
  await run.waitFor(/inner\.1 ended and left running: .*sleep 100/)
  await run.waitFor(/deep up[^]*deep up/)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(app.survivors()).toEqual([])
})

test('what was asked for holds for the next tw-run, which need not be told again', async () => {
  const app = liveApp({ Procfile: 'web: echo web as $$ on $PORT; exec sleep 100\nworker: exec sleep 100' })
  const first = app.start([...PORT, '-m', 'web=2', '--restart', 'always', '--no-timestamps'])
  const [, pid] = await first.waitFor(/web\.2 +\| web as (\d+) on/)
  await first.waitFor(/worker\.1/)
  first.signal('SIGKILL')
  await first.ended
  const second = app.start(['--no-timestamps'])
  await second.waitFor(/carries on from here: 3 still running/)
  kill9(Number(pid))
  const port = Number(PORT[1]) + 1
  await second.waitFor(new RegExp(`starting again[^]*web\\.2 +\\| web as \\d+ on ${port}`))
  expect(second.output()).not.toContain('web.1 on')
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
  expect(app.survivors()).toEqual([])
  // What was ended is over, and its options with it.
  const third = app.start(['-p', String(port + 100), 'web'])
  await third.waitFor(new RegExp(`web as \\d+ on ${port + 100}`))
  third.signal('SIGINT')
  expect(await third.ended).toBe(130)
})

test('a formation of another Procfile is carried on without naming it again', async () => {
  const app = liveApp({ 'Procfile.dev': 'web: echo dev as $$; exec sleep 100\n' })
  const first = app.start([...PORT, '-f', 'Procfile.dev'])
  const [, pid] = await first.waitFor(/dev as (\d+)/)
  first.signal('SIGKILL')
  await first.ended
  const second = app.start(['--no-timestamps'])
  await second.waitFor(/carries on from here: 1 still running/)
  expect(app.survivors().map((one) => one.pid)).toContain(Number(pid))
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
  expect((await app.cli(['start', ...PORT])).stderr).toContain('no Procfile')
})

test('what is stopped and what is replaced when the next tw-run carries on is said, with the reason', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\nworker: exec sleep 100\nold: exec sleep 100\n' })
  const first = app.start(PORT)
  await first.waitFor(/old\.1 on/)
  first.signal('SIGKILL')
  await first.ended
  writeFileSync(app.path('Procfile'), 'web: exec sleep 101\nworker: exec sleep 100\n')
  const second = app.start([...PORT, '--no-timestamps', '-m', 'worker=0'])
  await second.waitFor(
    /carries on from here: 3 still running.*\nsystem +\| old: gone\nsystem +\| web: command changed\nsystem +\| stopping worker\.1\n/,
  )
  await second.waitFor(/web\.1 on/)
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
  expect(app.survivors()).toEqual([])
})

test('an edited command replaces the process when the next tw-run carries on', async () => {
  const app = liveApp({
    Procfile: 'web: echo version 1; exec sleep 100\nother: echo other as $$; exec sleep 100',
  })
  const first = app.start(PORT)
  await first.waitFor(/version 1/)
  const [, pid] = await first.waitFor(/other as (\d+)/)
  first.signal('SIGKILL')
  await first.ended
  writeFileSync(
    app.path('Procfile'),
    'web: echo version 2; exec sleep 100\nother: echo other as $$; exec sleep 100',
  )
  const second = app.start([...PORT, '--formation', 'other=2'])
  await second.waitFor(/version 2/)
  await second.waitFor(/other\.2 +\| other as/)
  // A line may be shown again behind the seam; the process is the same.
  for (const [, again] of second.output().matchAll(/other\.1 +\| other as (\d+)/g)) expect(again).toBe(pid)
  expect(app.survivors().map((one) => one.pid)).toContain(Number(pid))
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})
