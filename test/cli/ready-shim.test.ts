import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { childOf } from '../../src/runtime/process-table.ts'
import { findShim, isShim, tokenOfShim } from '../../src/runtime/shim.ts'
import { endsClean, kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { waitingShim, waitingShims } from '../support/waiting-shims.ts'

const onLinux = requires('linux-x64')
const OPTIONS = ['-p', String(portAt(0)), '--restart', 'always']

const shimOf = (app: LiveApp, id: string): number => Number(app.runFile(id, 'pid'))

/** Kills the command of a process and returns the pid of its next shim, once that has begun the command. */
async function crash(app: LiveApp, id = 'web.1'): Promise<number> {
  const before = shimOf(app, id)
  kill9(await until('a command', () => childOf(before)))
  return until('the next run', () => {
    const pid = shimOf(app, id)
    return pid > 0 && pid !== before && childOf(pid) !== undefined ? pid : undefined
  })
}

/** Kills a supervisor once a shim waits for it, which ends by itself. */
async function killWithItsShim(app: LiveApp, run: LiveRun): Promise<void> {
  const waits = await waitingShim(app)
  kill9(run.pid)
  await run.ended
  await until('its end', () => !waitingShims(app).includes(waits))
}

/** The environment that the command of web.1 noted when it began for the n-th time. */
async function noted(app: LiveApp, time: number): Promise<string[]> {
  await until('the environment', () => existsSync(app.path(`done.${time}`)))
  const lines = readFileSync(app.path(`env.${time}`), 'latin1').split('\0')
  return lines.filter((line) => !/^(TMPDIR|TW_RUN_INSTANCE)=/.test(line)).toSorted()
}

const NOTING =
  'web: n=1; while [ -e done.$n ]; do n=$((n+1)); done; cat /proc/self/environ >env.$n; : >done.$n; exec sleep 100\n'
const ENVIRONMENTS: Readonly<Record<string, Record<string, string>>> = {
  plain: {},
  'what a shell could use for itself': {
    order: '1',
    code: '2',
    x: '3',
    IFS: ':',
    OPTIND: '3',
    ENV: './begin.sh',
  },
  'names that no shell knows': { 'a.b': '1', 'a-b': '2' },
  'quotes and lines': { A: "it's", B: 'two\nlines', C: '$HOME `x` \\' },
}

for (const [what, env] of Object.entries(ENVIRONMENTS)) {
  onLinux(`a run that a waiting shim begins has the environment of the one before: ${what}`, async () => {
    const app = liveApp({ Procfile: NOTING, 'begin.sh': ': >ran\n' })
    const run = app.start(OPTIONS, env)
    const first = await noted(app, 1)
    const waits = await waitingShim(app)
    expect(await crash(app)).toBe(waits)
    expect(await noted(app, 2)).toEqual(first)
    expect(existsSync(app.path('ran'))).toBe(false)
    await endsClean(app, run)
  })
}

onLinux('such a shim is known by its token, and writes down how its command ended', async () => {
  const app = liveApp({ Procfile: 'web: until [ -e go ]; do sleep 0.05; done; rm go; exit 7\n' })
  const run = app.start(OPTIONS)
  const waits = await waitingShim(app)
  expect(await crash(app)).toBe(waits)
  const { token } = JSON.parse(app.runFile('web.1', 'spec.json') ?? '') as { token: string }
  expect(isShim(waits, token)).toBe(true)
  expect(findShim(token)).toBe(waits)
  const directory = join(app.state(), 'processes/web.1/2')
  expect(tokenOfShim(waits, directory)).toBe(token)
  // With nobody there who looks.
  kill9(run.pid)
  await run.ended
  writeFileSync(app.path('go'), '')
  await until('the exit code', () => existsSync(join(directory, 'exit')))
  expect(readFileSync(join(directory, 'exit'), 'latin1')).toBe('7\n')
  await until('nobody', () => app.survivors().length === 0)
})

onLinux('a shim that waits ends with its supervisor, however that ends', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const first = app.start(OPTIONS)
  await killWithItsShim(app, first)
  const second = app.start(OPTIONS)
  await second.waitFor(/carries on/)
  expect(app.survivors().filter(({ command }) => command === 'sleep 100')).toHaveLength(1)
  await crash(app)
  await endsClean(app, second)
})

onLinux('a stop does not wait for a shim that waits and is frozen', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const run = app.start(OPTIONS)
  process.kill(await waitingShim(app), 'SIGSTOP')
  await endsClean(app, run)
})

onLinux('one waits also for who carried on', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const first = app.start(OPTIONS)
  await killWithItsShim(app, first)
  const second = app.start(OPTIONS)
  const next = await waitingShim(app)
  expect(await crash(app)).toBe(next)
  await endsClean(app, second)
})

for (const [name, value] of [
  ['TMOUT', '1'],
  ['BASH_FUNC_read%%', '() { PORT=; }'],
]) {
  onLinux(`none waits where a shell that reads could be told otherwise: ${name}`, async () => {
    const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
    const run = app.start(OPTIONS, { [name ?? '']: value ?? '' })
    await run.waitFor(/web\.1 on/)
    await crash(app)
    await crash(app)
    expect(waitingShims(app)).toEqual([])
    await endsClean(app, run)
  })
}

onLinux('without a shim that waits a crashed process is started all the same', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const run = app.start(OPTIONS)
  const waits = await waitingShim(app)
  kill9(waits)
  await until('its end', () => waitingShims(app).length === 0)
  expect(await crash(app)).not.toBe(waits)
  const next = await waitingShim(app)
  // Frozen, it is not known to be there or not: what it was told to begin with begins when it wakes.
  process.kill(next, 'SIGSTOP')
  kill9(childOf(shimOf(app, 'web.1')))
  await until('the next run', () => existsSync(join(app.state(), 'processes/web.1/3')))
  process.kill(next, 'SIGCONT')
  await until('its shim', () => app.runFile('web.1', 'pid') === `${next}\n`)
  await endsClean(app, run)
})

onLinux('a shim that died in the moment it was needed is no loss', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const run = app.start(['-p', String(portAt(0)), '--restart', 'on-failure'])
  const waits = await waitingShim(app)
  process.kill(run.pid, 'SIGSTOP')
  kill9(childOf(shimOf(app, 'web.1')))
  await until('its shim to end', () => app.runFile('web.1', 'exit') !== undefined)
  kill9(waits)
  process.kill(run.pid, 'SIGCONT')
  await until('the next run', () => {
    const shim = shimOf(app, 'web.1')
    return (
      shim > 0 && shim !== waits && childOf(shim) !== undefined && app.runFile('web.1', 'exit') === undefined
    )
  })
  await endsClean(app, run)
})

onLinux('what it was made for has changed: another environment, another folder, a long command', async () => {
  const long = `: ${'x'.repeat(2_000)}; exec sleep 100`
  const app = liveApp({
    Procfile: `web: pwd -P >>where; echo $COLOUR >>colours; exec sleep 100\nlong: ${long}\n`,
    '.env': 'COLOUR=green\n',
  })
  const run = app.start(OPTIONS)
  const first = await waitingShim(app)
  writeFileSync(app.path('.env'), 'COLOUR=red\n')
  expect(await crash(app)).not.toBe(first)
  const lines = async (name: string, count: number): Promise<string[]> =>
    until(`${count} lines`, () => {
      const all = readFileSync(app.path(name), 'utf8').split('\n').slice(0, -1)
      return all.length === count ? all : undefined
    })
  expect(await lines('colours', 2)).toEqual(['green', 'red'])
  await until(
    'one for the new environment',
    () => waitingShims(app).length === 1 && !waitingShims(app).includes(first),
  )
  const second = await waitingShim(app)
  // The same name, another folder.
  renameSync(app.root, `${app.root}.old`)
  mkdirSync(app.root)
  for (const name of ['Procfile', '.env', 'where', 'colours'])
    writeFileSync(app.path(name), readFileSync(`${app.root}.old/${name}`))
  expect(await crash(app)).not.toBe(second)
  expect((await lines('where', 3)).at(-1)).toBe(app.root)
  await until(
    'one for the new folder',
    () => waitingShims(app).length === 1 && !waitingShims(app).includes(second),
  )
  const third = await waitingShim(app)
  expect(await crash(app, 'long.1')).not.toBe(third)
  expect(await crash(app)).toBe(third)
  await endsClean(app, run)
})
