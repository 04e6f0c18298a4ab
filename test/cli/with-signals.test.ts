import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { BIN } from '../support/rig.ts'
import { portsFrom, reportIn, runWith, webApp } from '../support/with.ts'

const test = requires('linux')
const TERMINAL = new URL('../support/terminal.py', import.meta.url).pathname
let nextPort = portAt(0)
const ports = (): string[] => portsFrom((nextPort += 5))

describe('a signal to tw-run', () => {
  test.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s while the command runs ends all, with %i', async ([signal, code]) => {
    const app = webApp()
    const tell = 'trap "echo told; exit 4" TERM INT HUP; echo begun; while :; do sleep 0.05; done'
    const run = begin(app, [...ports(), '--report', 'report.json', '--', 'sh', '-c', tell])
    await run.waitFor(/^begun$/m)
    run.signal(signal)
    expect(await run.ended).toBe(code)
    expect(run.output().match(/^told$/gm)).toHaveLength(1)
    expect(run.output()).toContain(`tw-run: ${signal} while the command ran\n`)
    expect(reportIn(app)).toMatchObject({
      exitCode: code,
      commandExitCode: 4,
      cause: `${signal} while the command ran`,
    })
  })

  test('before everything is ready ends all, and the command is not begun', async () => {
    const run = begin(webApp(), [...ports(), '--', 'echo', 'begun'], { BOOT: '9000' })
    await run.waitFor(/web\.1 on \d+/)
    run.signal('SIGTERM')
    expect(await run.ended).toBe(143)
    expect(run.output()).not.toMatch(/^begun$/m)
    expect(run.output()).toContain('tw-run: SIGTERM before everything was ready\n')
  })

  test('a command that does not hear it is killed after its grace period', async () => {
    const run = begin(webApp(), [...ports(), '-t', '0.3', '--', 'sh', '-c', DEAF])
    await run.waitFor(/^begun$/m)
    run.signal('SIGTERM')
    expect(await run.ended).toBe(143)
  })

  test('SIGQUIT kills at once', async () => {
    const run = begin(webApp(), [...ports(), '-t', '600', '--', 'sh', '-c', DEAF])
    await run.waitFor(/^begun$/m)
    run.signal('SIGQUIT')
    expect(await run.ended).toBe(131)
    expect(run.output()).toContain('tw-run: SIGQUIT while the command ran\n')
  })

  test('a second one kills at once', async () => {
    const run = begin(webApp(), [...ports(), '-t', '600', '--', 'sh', '-c', DEAF])
    await run.waitFor(/^begun$/m)
    run.signal('SIGINT')
    await run.waitFor(/SIGINT: stopping/)
    const since = performance.now()
    await until('the second one to be another one', () => performance.now() - since > 150)
    run.signal('SIGINT')
    expect(await run.ended).toBe(130)
  })
})

requires('linux', 'python3')(
  'Ctrl-C on a terminal reaches the command once, and all ends with 130',
  async () => {
    const app = webApp()
    const [copy, keys] = [app.path('copy'), app.path('keys')]
    const tell =
      'trap "echo told $((n += 1)); sleep 0.3; exit 4" INT TERM; echo begun; while :; do sleep 0.05; done'
    const words = [process.execPath, BIN, 'with', ...ports(), '--', 'bash', '-c', tell]
    const run = liveApp({}).startBy([
      'sh',
      '-c',
      'cd "$0" && shift && exec "$@"',
      app.root,
      '-',
      'python3',
      TERMINAL,
      keys,
      copy,
      ...words,
    ])
    const shown = (): string => readFileSync(copy, 'utf8')
    await until('the command to begin', () => run.child.exitCode !== null || /^begun/m.test(readSafely(copy)))
    app.startBy(['sh', '-c', 'printf "\\003" > keys'])
    expect(await run.ended, shown()).toBe(130)
    expect(shown().match(/told \d/g)).toEqual(['told 1'])
    expect(shown()).toContain('all stopped, nothing left running (SIGINT)')
  },
)

describe('kill -9 of tw-run itself', () => {
  test.for([
    ['at ports that were named', ports()],
    ['at ports of its own', ['--port', 'auto']],
  ] as const)('%s: the next one ends the formation, the command and begins anew', async ([, where]) => {
    const app = webApp({ Procfile: 'web: echo run >> runs; exec node web.js\n' })
    const killed = begin(app, [...where, '--', 'sh', '-c', 'echo $$ > pid; echo begun; exec sleep 1000'])
    await killed.waitFor(/^begun$/m)
    await killed9(killed)
    expect(app.survivors().map(({ command }) => command)).toEqual(
      expect.arrayContaining(['sleep 1000', 'node web.js']),
    )

    const script = 'grep -q sleep "/proc/$(cat pid)/cmdline" 2> /dev/null || echo gone'
    const { code, stdout, stderr } = await runWith(app, [...where, '--', 'sh', '-c', script])
    expect([code, stdout], stderr).toEqual([0, 'gone\n'])
    expect(stderr).toMatch(/^tw-run: end(ed|ing) what a killed tw-run had left here/m)
    expect(app.survivors()).toEqual([])
    expect(readFileSync(app.path('runs'), 'utf8')).toBe('run\nrun\n')
  })

  test('while it stops', async () => {
    const app = webApp({ Procfile: 'web: trap "sleep 0.5; exit" TERM; node web.js & wait; wait\n' })
    const where = ports()
    const killed = begin(app, [...where, '--', 'true'])
    await killed.waitFor(/no longer needed: stopping/)
    await killed9(killed)
    const { code, stdout, stderr } = await runWith(app, [...where, '--', 'echo', 'done'])
    expect([code, stdout], stderr).toEqual([0, 'done\n'])
  })

  test('leaves no state of its own behind for ever', async () => {
    const app = webApp()
    const killed = begin(app, ['--port', 'auto', '--', 'sh', '-c', 'echo begun; exec sleep 1000'])
    await killed.waitFor(/^begun$/m)
    await killed9(killed)
    expect(ownStates(app)).toHaveLength(1)
    await runWith(app, ['--port', 'auto', '--', 'true'])
    expect(ownStates(app)).toEqual([])
  })
})

test('a formation that was started otherwise is left alone', async () => {
  const app = webApp()
  const where = ports()
  const started = app.start(where)
  await started.waitFor(/listening/)
  const beside = await runWith(app, [...where, '--', 'true'])
  expect([beside.code, beside.stderr]).toEqual([
    1,
    expect.stringMatching(/^tw-run: tw-run is already running here/),
  ])
  await killed9(started)
  const after = await runWith(app, [...where, '--', 'true'])
  expect([after.code, after.stderr]).toEqual([1, expect.stringContaining('end it with `tw-run stop`')])
  expect(app.survivors().map(({ command }) => command)).toContain('node web.js')
  expect((await app.cli(['stop'])).code).toBe(0)
})

/** kill -9 of tw-run alone: what it leaves holds the other end of its output. */
async function killed9({ pid, child }: LiveRun): Promise<void> {
  kill9(pid)
  await until('tw-run to be gone', () => child.signalCode !== null)
}

/** The folders of formations that had ports of their own. */
function ownStates(app: LiveApp): string[] {
  const folder = join(app.state(), 'with')
  return existsSync(folder) ? readdirSync(folder) : []
}

function readSafely(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

const DEAF = 'trap "" TERM INT; echo begun; while :; do sleep 0.05; done'

function begin(app: LiveApp, args: readonly string[], env: Readonly<Record<string, string>> = {}): LiveRun {
  return app.startBy([process.execPath], ['with', ...args], env)
}
