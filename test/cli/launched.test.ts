import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { findShim, isShim, tokenOfShim } from '../../src/runtime/shim.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

/** Enough for a launcher; one alone never is. */
const MANY = 14
const onLinux = requires('linux-x64')

/** The environment of web.1 when so many are started, without what is new in every run. */
async function environmentOf(app: LiveApp, count: number, env: Record<string, string>): Promise<string[]> {
  const run = app.start(['-p', String(portAt(0)), '--formation', `web=${count}`], env)
  await until('the environment', () => existsSync(app.path('web.1.done')))
  run.signal('SIGINT')
  expect(await run.ended, run.output()).toBe(130)
  const lines = readFileSync(app.path('web.1.env'), 'latin1').split('\0')
  return lines.filter((line) => !/^(TMPDIR|TW_RUN_INSTANCE)=/.test(line)).toSorted()
}

// bash changes the first two, runs the third, and has ideas of its own about all others.
const ENVIRONMENTS: Readonly<Record<string, Record<string, string>>> = {
  plain: {},
  'a level and a last folder': { SHLVL: '7', OLDPWD: '/tmp' },
  'a last folder that is gone': { OLDPWD: '/nowhere' },
  'a start file and functions': { BASH_ENV: './begin.sh', 'BASH_FUNC_f%%': '() { :\n}' },
  'names that mean something': { UID: '77', PS4: '> ', RANDOM: 'x', OPTIND: '3', BASH: 'mine', SECONDS: '1' },
  'names that a launcher could use': {
    me: '1',
    code: '2',
    script: '3',
    shim: '4',
    begin: '5',
  },
  'names that no shell knows': { 'a.b': '1', 'a-b': '2' },
  'a language that there is not': { LC_ALL: 'xx_XX.UTF-8', LANG: 'yy' },
}

for (const [what, env] of Object.entries(ENVIRONMENTS)) {
  onLinux(`of many each has the environment of one alone: ${what}`, async () => {
    const app = liveApp({
      Procfile: 'web: cat /proc/self/environ >$PS.env; : >$PS.done; exec sleep 100\n',
      'begin.sh': ': >ran\n',
    })
    const alone = await environmentOf(app, 1, env)
    const again = liveApp({ Procfile: readFileSync(app.path('Procfile'), 'utf8'), 'begin.sh': ': >ran\n' })
    const among = await environmentOf(again, MANY, env)
    const where = (lines: string[], root: string): string[] => lines.map((line) => line.replaceAll(root, '.'))
    const withoutMark = (lines: string[]): string[] =>
      lines.filter((line) => !/^(TW_TEST_MARK|TW_RUN_STATE_DIR)=/.test(line))
    expect(withoutMark(where(among, again.root))).toEqual(withoutMark(where(alone, app.root)))
    expect(existsSync(again.path('ran'))).toBe(false)
  })
}

const SIGNALS = 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM XCPU'.split(' ')
const CODES = [0, 1, 2, 3, 100, 125, 126, 127, 128, 129, 137, 143, 200, 253, 254, 255]

onLinux('how each of many ends is written down, with nobody there who looks', async () => {
  const ends = [...CODES.map((code) => `exit ${code}`), ...SIGNALS.map((name) => `kill -${name} $$`)]
  const app = liveApp({
    Procfile: 'web: ulimit -c 0; : >$PS.up; until [ -e go ]; do sleep 0.05; done; . ./$PS.sh\n',
    ...Object.fromEntries(ends.map((end, index) => [`web.${index + 1}.sh`, `${end}\n`])),
  })
  const run = app.start(['-p', String(portAt(50)), '--formation', `web=${ends.length}`])
  await until('all', () => ends.every((_, index) => existsSync(app.path(`web.${index + 1}.up`))))
  kill9(run.pid)
  await run.ended
  writeFileSync(app.path('go'), '')
  const written = (): (string | undefined)[] =>
    ends.map((_, index) => app.runFile(`web.${index + 1}`, 'exit')?.trimEnd())
  await until('all exit codes', () => written().every(Boolean))
  const signals = SIGNALS.map((name) => 128 + constants.signals[`SIG${name}` as NodeJS.Signals])
  expect(written()).toEqual([...CODES, ...signals].map(String))
  expect(app.survivors()).toEqual([])
})

for (const [index, name] of ['INT', 'TERM', 'HUP', 'QUIT', 'USR1', 'USR2'].entries()) {
  onLinux(`of many each hears SIG${name} with its shim, which lives to write down how it ended`, async () => {
    const app = liveApp({
      Procfile: 'web: ulimit -c 0; exec sleep 100\n',
      'app.json': JSON.stringify({ 'tw-run': { web: { stopSignal: `SIG${name}` } } }),
    })
    const run = app.start(['-p', String(portAt(200 + 20 * index)), '--formation', `web=${MANY}`])
    await until('all', () => app.survivors().filter(({ command }) => command === 'sleep 100').length === MANY)
    run.signal('SIGTERM')
    expect(await run.ended, run.output()).toBe(143)
    const code = 128 + constants.signals[`SIG${name}` as NodeJS.Signals]
    const written = Array.from({ length: MANY }, (_, at) => app.runFile(`web.${at + 1}`, 'exit')?.trimEnd())
    expect(new Set(written)).toEqual(new Set([String(code)]))
  })
}

onLinux('a shim that a launcher forked is told from those beside it', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const run = app.start(['-p', String(portAt(100)), '--formation', `web=${MANY}`])
  await until('all', () => app.survivors().filter(({ command }) => command === 'sleep 100').length === MANY)
  const runs = Array.from({ length: MANY }, (_, index) => {
    const id = `web.${index + 1}`
    const pid = Number(app.runFile(id, 'pid'))
    const { token } = JSON.parse(app.runFile(id, 'spec.json') ?? '') as { token: string }
    return { pid, token, directory: join(app.state(), 'processes', id, '1') }
  })
  for (const one of runs) {
    expect(runs.filter(({ token }) => isShim(one.pid, token))).toEqual([one])
    expect(findShim(one.token)).toBe(one.pid)
    expect(runs.filter(({ directory }) => tokenOfShim(one.pid, directory) === one.token)).toEqual([one])
  }
  run.signal('SIGINT')
  expect(await run.ended, run.output()).toBe(130)
})

const READ_ONLY =
  'mount --make-rprivate / && mount --bind /proc /proc && mount -o remount,ro,bind /proc && exec "$@"'

requires(
  'linux-x64',
  'root',
  'unshare',
  'mount',
)('where a process may not name itself, its arguments do', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 100\n' })
  const run = app.startBy(
    ['unshare', '--mount', 'sh', '-c', READ_ONLY, 'sh', process.execPath],
    ['start', '-p', String(portAt(150)), '--formation', `web=${MANY}`],
  )
  await until('all', () => app.survivors().filter(({ command }) => command === 'sleep 100').length === MANY)
  const shims = app.survivors().filter(({ command }) => / tw-run:\w{16} \S+ exec sleep 100$/.test(command))
  expect(shims.filter(({ command }) => !command.includes('tw-run-launcher'))).toHaveLength(MANY)
  run.signal('SIGINT')
  expect(await run.ended, run.output()).toBe(130)
})
