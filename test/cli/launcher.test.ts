import { existsSync, mkdirSync, readFileSync, readlinkSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { waits } from '../support/waiting-shims.ts'

const ONE_LAUNCHER = 32
/** With a command so long that one launcher cannot be given all of them. */
const TWO_LAUNCHERS = 40
const LONG = `: ${'x'.repeat(2_000)};`
const onLinux = requires('linux-x64')

function optionsAt(port: number, count = ONE_LAUNCHER): string[] {
  return ['-p', String(port), '-t', '2', '--formation', `web=${count}`]
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `web.${index + 1}`)
}

interface GatedApp {
  readonly app: LiveApp
  readonly env: Record<string, string>
  readonly open: () => void
  /** The launcher, once it waits at the gate. */
  readonly launcher: () => Promise<number>
}

/** An app whose processes note that they began, with a bash that waits until the gate is open before it starts one. */
function gatedApp(startsBefore: number): GatedApp {
  const app = notingApp()
  const folder = app.path('bin')
  mkdirSync(folder)
  // Not for ever: a test that was killed opens no gate, and it looks for it fifty times a second.
  const wait = `n=0; while [ ! -e ${app.path('gate')} ] && [ $n -lt 1500 ]; do n=$((n + 1)); sleep 0.02; done`
  const awk = `/ begin .* & disown$/ && n++ == ${startsBefore} { print ": >${app.path('waits')}"; print wait } { print }`
  const script = `#!/bin/bash
TW_RUN_LAUNCH=$(printf '%s\n' "$TW_RUN_LAUNCH" | awk -v wait='${wait}' '${awk}')
export TW_RUN_LAUNCH
exec /bin/bash "$@"
`
  writeFileSync(join(folder, 'bash'), script, { mode: 0o755 })
  return {
    app,
    env: { PATH: `${folder}:${process.env['PATH']}` },
    open: () => writeFileSync(app.path('gate'), ''),
    launcher: () =>
      until('a launcher at its gate', () => {
        const [pid, other] = launchers(app)
        return existsSync(app.path('waits')) && other === undefined ? pid : undefined
      }),
  }
}

function notingApp(first = ''): LiveApp {
  return liveApp({ Procfile: `web: ${first} echo $PS >>begun; exec sleep 100\n` })
}

/** What shows the arguments of a launcher: that and the shims that it forked, which have a title of their own. */
function launched(app: LiveApp): { pid: number; title: string; lifeline: string }[] {
  return app.survivors().flatMap(({ pid, command }) => {
    if (!command.includes(' tw-run-launcher ')) return []
    try {
      const title = readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd()
      return [{ pid, title, lifeline: readlinkSync(`/proc/${pid}/fd/3`) }]
    } catch {
      // It ended in this moment, or is the launcher.
      return [{ pid, title: '', lifeline: '' }]
    }
  })
}

function launchers(app: LiveApp): number[] {
  return launched(app).flatMap(({ pid, title }) => (title.startsWith('tw-run:') ? [] : [pid]))
}

/** The processes that have a shim. */
function kept(app: LiveApp): string[] {
  const forked = launched(app).flatMap(({ title, lifeline }) =>
    title.startsWith('tw-run:') ? (/\/(web\.\d+)\/\d+\/life$/.exec(lifeline)?.[1] ?? []) : [],
  )
  const executed = app.survivors().flatMap(({ command }) => {
    return /^\S*sh -c trap .* tw-run:\w+ \S*\/(web\.\d+)\/\d+ /s.exec(command)?.[1] ?? []
  })
  return [...forked, ...executed]
}

/** Every process began once, and one living command and one shim of each is there. */
async function isWhole(app: LiveApp, count = ONE_LAUNCHER): Promise<void> {
  await until('one shim and one command of each', () => {
    const shims = kept(app)
    const commands = app.survivors().filter(({ command }) => command === 'sleep 100')
    return shims.length === count && new Set(shims).size === count && commands.length === count
  })
  const begun = readFileSync(app.path('begun'), 'utf8').trim().split('\n')
  expect(begun.toSorted((a, b) => a.localeCompare(b))).toEqual(
    ids(count).toSorted((a, b) => a.localeCompare(b)),
  )
}

onLinux('of many each begins as one alone does, by itself and with nothing of its launcher', async () => {
  const procfile =
    'web: env >$PS.env; grep -h Sig /proc/self/status >$PS.signals; cat /proc/$$/stat >$PS.stat; exec sleep 100\n'
  const app = liveApp({ Procfile: procfile, '.env': `SECRET='it is $HOME "here"'\n` })
  const run = app.start(['-p', String(portAt(0)), '--formation', 'web=14'])
  const sleeping = (): { pid: number }[] => app.survivors().filter(({ command }) => command === 'sleep 100')
  await until('all', () => sleeping().length === 14)
  for (const [index, id] of ids(14).entries()) {
    const env = new Map(
      readFileSync(app.path(`${id}.env`), 'utf8')
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    expect([env.get('PS'), env.get('TW_RUN_PROCESS'), env.get('PORT')]).toEqual([
      id,
      id,
      String(portAt(index)),
    ])
    expect(env.get('SECRET')).toBe('it is $HOME "here"')
    expect(env.get('TMPDIR')).toContain(env.get('TW_RUN_INSTANCE'))
    expect(readFileSync(app.path(`${id}.signals`), 'utf8')).toMatch(/SigIgn:\s0+\n/)
    // The fields of stat: pid, name, state, parent, group, session.
    const [, , , parent, group, session] = readFileSync(app.path(`${id}.stat`), 'utf8').split(' ')
    expect(group).toBe(parent)
    // That of the launcher, and no terminal's.
    await until('the launcher to be gone', () => !existsSync(`/proc/${session}`))
  }
  for (const { pid, command } of app.survivors().filter((one) => !waits(one.pid))) {
    const folder = `/proc/${pid}/fd`
    const files = readdirSync(folder).map((fd) => readlinkSync(join(folder, fd)).replace(/.*\//, ''))
    const expected =
      command === 'sleep 100' ? ['null', 'log', 'log'] : ['null', 'null', 'null', 'life', 'log']
    expect(files, command).toEqual(expected)
  }
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(scratch(app)).toEqual([])
})

/** The scratch directories that are left. */
function scratch(app: LiveApp): string[] {
  return app.scratch().filter((name) => !/^tw-run-\d{1,6}$/.test(name))
}

onLinux('a launcher outlives its tw-run: the next one waits for it, and starts nothing twice', async () => {
  const { app, env, open, launcher } = gatedApp(0)
  const first = app.start(optionsAt(portAt(100)), env)
  await launcher()
  kill9(first.pid)
  await first.ended
  const rows = JSON.parse((await app.cli(['ps', '--json'])).stdout) as { phase: string }[]
  expect(rows.map(({ phase }) => phase)).toEqual(ids(ONE_LAUNCHER).map(() => 'starting'))
  const second = app.start(optionsAt(portAt(100)), env)
  await second.waitFor(/32 still running/)
  expect(existsSync(app.path('begun'))).toBe(false)
  open()
  await isWhole(app)
  second.signal('SIGINT')
  expect(await second.ended, second.output()).toBe(130)
})

onLinux('what a launcher did not come to start when it was killed is started without it, once', async () => {
  const { app, env, open, launcher } = gatedApp(ONE_LAUNCHER / 2)
  const run = app.start(optionsAt(portAt(200)), env)
  kill9(await launcher())
  open()
  await isWhole(app)
  run.signal('SIGINT')
  expect(await run.ended, run.output()).toBe(130)
})

onLinux('tw-run and its launcher killed at once: the next one starts what did not begin', async () => {
  const { app, env, open, launcher } = gatedApp(ONE_LAUNCHER / 2)
  const first = app.start(optionsAt(portAt(300)), env)
  const pid = await launcher()
  kill9(first.pid)
  kill9(pid)
  await first.ended
  open()
  const second = app.start(optionsAt(portAt(300)), env)
  await second.waitFor(/still running/)
  await isWhole(app)
  second.signal('SIGINT')
  expect(await second.ended, second.output()).toBe(130)
})

onLinux('asked to stop while its launcher is at work, it stops what began and what begins yet', async () => {
  const { app, env, open, launcher } = gatedApp(ONE_LAUNCHER / 2)
  const run = app.start(optionsAt(portAt(350)), env)
  await launcher()
  run.signal('SIGINT')
  await run.waitFor(/SIGINT: stopping/)
  open()
  expect(await run.ended, run.output()).toBe(130)
  expect(run.lines().at(-1)).toContain('nothing left running')
  expect(app.survivors()).toEqual([])
})

const POINTS = [
  'start:prepared',
  'start:named#10',
  'start:scratch-made#20',
  'start:lifeline-opened',
  'start:spawned',
  'start:closed',
  'start:scratch-made#40',
  'start:spawned#2',
  'start:all',
]

for (const [index, point] of POINTS.entries()) {
  onLinux(`killed at ${point} of many: the next tw-run has one of each`, async () => {
    const options = optionsAt(portAt(400 + 50 * index), TWO_LAUNCHERS)
    const app = notingApp(LONG)
    expect(await app.start(options, { TW_RUN_CRASH_AT: point }).ended).toBe('SIGKILL')
    const second = app.start(options)
    await second.waitFor(/40 processes|still running/)
    await isWhole(app, TWO_LAUNCHERS)
    second.signal('SIGINT')
    expect(await second.ended, second.output()).toBe(130)
    expect(scratch(app)).toEqual([])
  })
}
