import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { describe, expect, test } from 'vitest'
import { liveApp } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { BIN, cleanEnvironment } from '../support/rig.ts'

const PROCFILE = 'web: exec sleep 1000\nworker: exec sleep 1000\nrelease: true\n'
const PORT = ['-p', String(portAt(0))]
/** Not for a person. */
const HIDDEN = ['supervise', 'complete']

/** What may become of the last word. */
async function offered(app: LiveApp, ...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await app.cli(['complete', '--', 'tw-run', ...words])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout.split('\n').slice(0, -1)
}

describe('what is offered', () => {
  test('every command of the help and no other, also after help', async () => {
    const app = liveApp({})
    const { stdout: help } = await app.cli(['help'])
    const inHelp = [...help.matchAll(/^ {2}([a-z]+)(?:\|([a-z]+))? /gm)].flatMap(([, name, alias]) =>
      [name, alias].filter((one) => one !== undefined),
    )
    const commands = await offered(app, '')
    expect(commands.toSorted()).toEqual(inHelp.toSorted())
    expect(await offered(app, 'help', '')).toEqual(commands.filter((name) => name !== 'help'))
    for (const hidden of HIDDEN) {
      expect(commands).not.toContain(hidden)
      expect(await offered(app, hidden, '')).toEqual([])
    }
  })

  test('every option of the help of each command', async () => {
    const app = liveApp({})
    for (const name of await offered(app, 'help', '')) {
      const { stdout: help } = await app.cli(['help', name])
      const inHelp = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, long = '']) => long)
      expect(new Set(await offered(app, name, '--')), name).toEqual(new Set(inHelp))
    }
    expect(await offered(app, '-')).toEqual(['--version', '--help'])
  })

  test.for<[string[], string[]]>([
    [['sc'], ['scale']],
    [['nonsense', ''], []],
    [
      ['start', ''],
      ['web', 'worker'],
    ],
    [['start', 'web', ''], ['worker']],
    [['start', '--port', ''], []],
    [
      ['start', '--port', String(portAt(0)), ''],
      ['web', 'worker'],
    ],
    [['start', '--detach', '--de'], []],
    [
      ['start', '--restart', ''],
      ['no', 'on-failure', 'always'],
    ],
    [
      ['start', '--log-format=p'],
      ['--log-format=pretty', '--log-format=plain'],
    ],
    [
      ['start', '-m', 'w'],
      ['web=', 'worker='],
    ],
    [
      ['start', '-m', 'web=3,'],
      ['web=3,worker=', 'web=3,all='],
    ],
    [['start', '--formation=web=3,w'], ['--formation=web=3,worker=']],
    [['start', '-x', 'web,'], ['web,worker']],
    [
      ['start', '--engine', ''],
      ['local', 'swarm', 'kubernetes'],
    ],
    [['scale', '--engine=k'], ['--engine=kubernetes']],
    [
      ['prove', '--keep', ''],
      ['web', 'worker'],
    ],
    [['prove', '--keep=web,'], ['--keep=web,worker']],
    [
      ['start', '--max', ''],
      ['web=', 'worker=', 'all='],
    ],
    [
      ['run', ''],
      ['web', 'worker', 'release'],
    ],
    [['run', 'web', '--'], []],
    [['run', '--', 'w'], []],
    [
      ['scale', 'we'],
      ['web=', 'web+1', 'web-1'],
    ],
    [
      ['scale', 'web=3', 'w'],
      ['worker=', 'worker+1', 'worker-1'],
    ],
    [
      ['env', '-m', 'web=2', 'web'],
      ['web.1', 'web.2'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
  ])('%j: %j', async ([words, candidates]) => {
    expect(await offered(liveApp({ Procfile: PROCFILE }), ...words)).toEqual(candidates)
  })

  test('the types of the app that -d names', async () => {
    const app = liveApp({ 'other/Procfile': 'clock: true\n' })
    expect(await offered(app, 'start', '-d', 'other', 'c')).toEqual(['clock'])
    expect(await offered(app, 'start', '--root=other', 'c')).toEqual(['clock'])
  })

  test('no error where the Procfile is wrong, or the folder is gone', async () => {
    const app = liveApp({ Procfile: 'no entry\n' })
    expect(await offered(app, 'start', 'w')).toEqual([])
    expect(await offered(app, 'stop', '-d', 'nowhere', 'w')).toEqual([])
  })

  test('the processes that run; for logs also those that ran', async () => {
    const app = liveApp({ Procfile: PROCFILE })
    expect(await offered(app, 'stop', 'w')).toEqual([])
    const run = app.start([...PORT, '-m', 'web=2'])
    await run.waitFor(new RegExp(String.raw`worker\.1 on ${portAt(100)}`))
    const running = ['web', 'worker', 'web.1', 'web.2', 'worker.1']
    for (const command of ['stop', 'restart', 'logs'])
      expect((await offered(app, command, 'w')).toSorted(), command).toEqual(running.toSorted())
    expect(await offered(app, 'stop', 'web.1', 'web.')).toEqual(['web.2'])
    await app.cli(['stop'])
    expect(await run.ended).toBe(0)
    expect(await offered(app, 'stop', 'w')).toEqual([])
    expect((await offered(app, 'logs', 'w')).toSorted()).toEqual(running.toSorted())
  })
})

describe('the scripts', () => {
  test('there is one for bash, zsh and fish, and for no other shell', async () => {
    const app = liveApp({})
    for (const shell of ['bash', 'zsh', 'fish'])
      expect(await app.cli(['completion', shell])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('tw-run complete -- '),
      })
    for (const shell of ['tcsh', 'constructor'])
      expect(await app.cli(['completion', shell])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`no completions for "${shell}"`),
      })
  })

  /** Types the lines into a bash with the completions; the words that tw-run is then called with. */
  async function typedInBash(app: LiveApp, lines: readonly string[]): Promise<string[][]> {
    const { stdout: script } = await app.cli(['completion', 'bash'])
    writeFileSync(app.path('script'), script)
    writeFileSync(
      app.path('tw-run'),
      `#!/bin/sh\n[ "$1" != complete ] || exec '${process.execPath}' '${BIN}' "$@"\nprintf '%s ' "$@" >>called\necho >>called\n`,
    )
    chmodSync(app.path('tw-run'), 0o755)
    const { PATH = '', ...env } = cleanEnvironment()
    const bash = spawn('bash', ['--norc', '--noprofile', '-i'], {
      cwd: app.root,
      env: { ...env, PATH: `${app.root}${delimiter}${PATH}`, TERM: 'dumb', HISTFILE: '' },
      // In a session of its own: an interactive shell would take the terminal from the tests.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    bash.stdin.end(['. ./script', ...lines, ''].join('\n'))
    await once(bash, 'close')
    return readFileSync(app.path('called'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.trimEnd().split(' '))
  }

  const TAB = '\t'
  /** Readline's M-*: all that could come, at once. */
  const ALL = '\u001b*'

  test('bash completes what is typed, also within words with =', async () => {
    const app = liveApp({ Procfile: PROCFILE, 'other/Procfile': 'clock: true\n' })
    const typed: [string, string[]][] = [
      [`tw-run sca${TAB}`, ['scale']],
      [`tw-run st${ALL}`, ['start', 'status', 'stop']],
      [`tw-run start ${ALL}`, ['start', 'web', 'worker']],
      [`tw-run start --det${TAB}wo${TAB}`, ['start', '--detach', 'worker']],
      [`tw-run scale web=2 wo${ALL}`, ['scale', 'web=2', 'worker+1', 'worker-1', 'worker=']],
      [`tw-run start --formation=we${TAB}2`, ['start', '--formation=web=2']],
      [`tw-run start -m web=2,wo${TAB}3`, ['start', '-m', 'web=2,worker=3']],
      [`tw-run start --restart=on${TAB}web`, ['start', '--restart=on-failure', 'web']],
      [`tw-run start --root=other cl${TAB}`, ['start', '--root=other', 'clock']],
      // Only the person knows the file.
      [`tw-run start -f Proc${TAB}`, ['start', '-f', 'Procfile']],
      [`tw-run start --root=oth${TAB}`, ['start', '--root=other/']],
      [`tw-run super${TAB}`, ['super']],
    ]
    expect(
      await typedInBash(
        app,
        typed.map(([line]) => line),
      ),
    ).toEqual(typed.map(([, words]) => words))
  })
})
