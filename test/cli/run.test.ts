import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { isSeparated } from '../../src/cli/run.ts'
import { endLeftOvers, isAlive, isStopped, running, startOneOff } from '../support/one-off.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { BIN, makeApp } from '../support/rig.ts'
import type { Environment } from '../support/rig.ts'

/** Prints its arguments as JSON. */
const PRINT_ARGUMENTS = 'console.log(JSON.stringify(process.argv.slice(2)))\n'
/** Counts the signals that reach it, and ends with their number when it is told to, or has so many. */
const COUNT_SIGNALS = `
let count = 0
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])
  process.on(name, () => {
    count += 1
    console.log(['signal', count, name].join(' '))
    if (count === Number(process.argv[2])) process.exit(count)
  })
process.stdin.on('data', () => process.exit(count))
setInterval(() => {}, 1000)
console.log('ready')
`
const PRINT_ENVIRONMENT = `
const { statSync } = require('node:fs')
const { mode } = statSync(process.env.TMPDIR)
console.log(JSON.stringify({ env: process.env, cwd: process.cwd(), mode: mode & 0o777 }))
`

const app = makeApp({
  Procfile: [
    'web: node never.js',
    'console: node arguments.cjs fixed',
    'environment: node environment.cjs',
    'pipe: echo one two | tr a-z A-Z',
    'release: echo released to $PS',
  ].join('\n'),
  '.env': 'FROM_FILE=yes\n',
  'arguments.cjs': PRINT_ARGUMENTS,
  'signals.cjs': COUNT_SIGNALS,
  'environment.cjs': PRINT_ENVIRONMENT,
  'not-executable': 'echo no\n',
  bad: '#!/no/such/interpreter\n',
  'folder/file': '',
})
chmodSync(app.path('bad'), 0o755)
afterEach(async () => expect(await endLeftOvers(), 'left over by the test').toEqual([]))
afterAll(() => app.cleanup())

const linux = requires('linux')

test.each([
  [['console'], 'run console', false],
  [['npm', 'test', '--', '-x'], 'run -e a npm test -- -x', false],
  [['any', '--flag'], 'run -- any --flag', true],
  [['web'], 'run -p 1 -- web', true],
])('%j of "%s" stand behind --: %s', (words, line, expected) => {
  expect(isSeparated(words, ['node', 'tw-run', ...line.split(' ')])).toBe(expected)
})

describe('what the words mean', () => {
  const HARD = [
    '',
    ' ',
    'a b',
    "it's",
    '"',
    '$HOME',
    '`id`',
    '*',
    '\\',
    'ü\n',
    '--',
    '-e',
    '--port=1',
    ';',
    '|',
  ]

  test('a type runs its command in the shell', async () => {
    expect(await app.cli(['run', 'pipe'])).toEqual({ code: 0, stdout: 'ONE TWO\n', stderr: '' })
  })

  test('a stage is run by its name', async () => {
    expect((await app.cli(['run', 'release'])).stdout).toMatch(/^released to run\.\d{4}\n$/)
  })

  test('words after a type are its further arguments, exactly', async () => {
    const { code, stdout } = await app.cli(['run', 'console', ...HARD])
    expect([code, JSON.parse(stdout)]).toEqual([0, ['fixed', ...HARD]])
  })

  test.each([
    ['behind --', ['--']],
    ['without --', []],
  ])('a command %s gets its arguments exactly', async (_, separator) => {
    const { code, stdout } = await app.cli(['run', ...separator, 'node', 'arguments.cjs', ...HARD])
    expect([code, JSON.parse(stdout)]).toEqual([0, HARD])
  })

  test('options before the words are for tw-run, those after for the command', async () => {
    const words = ['sh', '-c', 'echo $PORT "$@"', 'sh', '-p', 'own']
    const { stdout } = await app.cli(['run', '-p', String(portAt(1)), ...words])
    expect(stdout).toBe(`${portAt(1)} -p own\n`)
  })

  test('one quoted word is for the shell', async () => {
    expect((await app.cli(['run', 'echo $((1 + 2)) | cat'])).stdout).toBe('3\n')
  })

  test('one quoted word behind -- is for the shell too', async () => {
    expect((await app.cli(['run', '--', 'echo $FROM_FILE && false'])).code).toBe(1)
  })

  test('a type behind -- is a command of that name', async () => {
    const { code, stderr } = await app.cli(['run', '--', 'console'])
    expect([code, stderr]).toEqual([
      127,
      'tw-run: cannot run console: there is no such command (is console on the PATH?)\n',
    ])
  })

  test.each([
    [126, 'a file that is not executable', './not-executable', 'it is not executable'],
    [126, 'a folder', './folder', 'it is not executable'],
    [127, 'no file', './none', 'there is no such file, or no such program as its first line names'],
    [127, 'no interpreter', './bad', 'there is no such file, or no such program as its first line names'],
  ])('ends with %i for %s', async (code, _, file, reason) => {
    expect(await app.cli(['run', file])).toEqual({
      code,
      stdout: '',
      stderr: `tw-run: cannot run ${file}: ${reason}\n`,
    })
  })

  test.each([[['']], [['--', '']], [[' ']], [['', 'an argument']]])(
    'no command in %j is said',
    async (words) => {
      expect(await app.cli(['run', ...words])).toEqual({
        code: 2,
        stdout: '',
        stderr:
          'tw-run: no command was given: the first word is empty\n  hint: name a process type, or a command: tw-run run -- <command>\n',
      })
    },
  )

  test('an environment that is too large ends with 126 and says so', async () => {
    const large = makeApp({ Procfile: 'web: x\n', '.env': `LARGE=${'x'.repeat(140_000)}\n` })
    const { code, stderr } = await large.cli(['run', 'true'])
    large.cleanup()
    expect([code, stderr]).toEqual([
      126,
      'tw-run: cannot run true: its environment and command are larger than the system takes (one value over 128 KiB?)\n',
    ])
  })

  test('in the shell, what is not there ends with 127 and what is not executable with 126', async () => {
    expect((await app.cli(['run', 'no-such-command | cat; exit 127'])).code).toBe(127)
    expect((await app.cli(['run', './not-executable; exit $?'])).code).toBe(126)
  })
})

describe('what it finds', () => {
  interface Found {
    readonly env: Record<string, string>
    readonly cwd: string
    readonly mode: number
  }
  const find = async (words: readonly string[], shell: Environment = {}): Promise<Found> =>
    JSON.parse((await app.cli(['run', ...words], shell)).stdout) as Found

  test('the environment of the app, and a name of its own', async () => {
    const { env, cwd } = await find(['node', 'environment.cjs'], { FROM_SHELL: 'yes', PORT: undefined })
    expect(env).toMatchObject({ FROM_FILE: 'yes', FROM_SHELL: 'yes', PORT: '5000' })
    expect(env['PS']).toMatch(/^run\.\d{4}$/)
    expect(env['TW_RUN_PROCESS']).toBe(env['PS'])
    expect(env['TW_RUN_INSTANCE']).toMatch(/^[0-9a-f]{16}$/)
    expect(cwd).toBe(app.root)
  })

  test('variables with names that no shell hands on', async () => {
    const { env } = await find(['--', 'node', 'environment.cjs'], {
      'spring.url': 'x',
      'BASH_FUNC_a%%': '() { :; }',
    })
    expect(env).toMatchObject({ 'spring.url': 'x', 'BASH_FUNC_a%%': '() { :; }' })
  })

  test('the port past those of the processes of its type', async () => {
    const { env } = await find(['-m', 'environment=3', 'environment'], { PORT: undefined })
    expect(env['PORT']).toBe('5203')
  })

  test('a private TMPDIR, which is gone with it', async () => {
    const [first, second] = [await find(['environment']), await find(['environment'])]
    expect([first.mode, second.mode]).toEqual([0o700, 0o700])
    expect(first.env['TMPDIR']).not.toBe(second.env['TMPDIR'])
    expect(existsSync(first.env['TMPDIR'] ?? '')).toBe(false)
  })

  test('its stdin is that of tw-run, to the end', async () => {
    const run = startOneOff(app, ['--', 'cat'])
    run.write('first\n')
    await run.waitFor(/first\n/)
    run.write('second')
    run.closeInput()
    expect([await run.ended, run.output()]).toEqual([0, 'first\nsecond'])
  })

  linux('no descriptor but stdin, stdout and stderr', async () => {
    // The fourth is the folder that is listed.
    expect((await app.cli(['run', '--', 'ls', '/proc/self/fd'])).stdout).toBe('0\n1\n2\n3\n')
  })
})

describe('in a terminal', () => {
  const inTerminal = requires('script', 'linux')

  inTerminal('stdin, stdout and stderr are the terminal', async () => {
    const run = startOneOff(app, ['test -t 0 && test -t 1 && test -t 2 && tty'], { terminal: true })
    expect(await run.ended).toBe(0)
    expect(run.output()).toMatch(/^\/dev\/pts\/\d+\r\n$/)
  })

  inTerminal('it can be typed to', async () => {
    const run = startOneOff(app, ['printf "name? "; read -r name; echo "hello $name"'], { terminal: true })
    await run.waitFor(/name\? /)
    run.write('you\n')
    await run.waitFor(/hello you/)
    expect(await run.ended).toBe(0)
  })

  inTerminal('Ctrl-C and Ctrl-\\ reach it once each, and do not end tw-run before it', async () => {
    const run = startOneOff(app, ['node', 'signals.cjs'], { terminal: true })
    await run.waitFor(/ready/)
    run.write('\x03')
    await run.waitFor(/signal 1 SIGINT/)
    run.write('\x03')
    await run.waitFor(/signal 2 SIGINT/)
    run.write('\x1C')
    await run.waitFor(/signal 3 SIGQUIT/)
    run.write('end\n')
    expect(await run.ended).toBe(3)
  })

  inTerminal('a process that Ctrl-C ends gives 130', async () => {
    const run = startOneOff(app, ['echo ready; exec sleep 300'], { terminal: true })
    await run.waitFor(/ready/)
    run.write('\x03')
    expect(await run.ended).toBe(130)
  })

  inTerminal('Ctrl-C reaches it once where its stdin is not the terminal', async () => {
    const terminal = (command: string): string => `exec ${command} </dev/null`
    const run = startOneOff(app, ['node', 'signals.cjs', '2'], { terminal })
    await run.waitFor(/ready/)
    run.write('\x03')
    await run.waitFor(/signal 1 SIGINT/)
    run.write('\x1C')
    await run.waitFor(/signal 2 SIGQUIT/)
    expect(await run.ended).toBe(2)
  })

  inTerminal('Ctrl-Z stops it, and it goes on in the foreground', async () => {
    const terminal = (command: string): string => `set -m; ${command}; echo "code $?"; fg`
    const run = startOneOff(app, ['node', 'signals.cjs'], { terminal })
    await run.waitFor(/ready/)
    run.write('\x1A')
    await run.waitFor(/code 148/)
    run.write('\x03')
    await run.waitFor(/signal 1 SIGINT/)
    run.write('end\n')
    expect(await run.ended).toBe(1)
  })

  inTerminal('a shell in it has its own jobs: Ctrl-Z, fg and Ctrl-C are for those', async () => {
    const run = startOneOff(app, ['--', 'bash', '--norc', '-i'], { terminal: true })
    run.write('node signals.cjs\n')
    await run.waitFor(/ready/)
    run.write('\x1A')
    await run.waitFor(/Stopped/)
    run.write('fg\n')
    await run.waitFor(/node signals\.cjs\r\n[^]*fg[^]*node signals\.cjs/)
    run.write('\x03')
    await run.waitFor(/signal 1 SIGINT/)
    run.write('end\n')
    run.write('exit $((40 + $?))\n')
    expect(await run.ended).toBe(41)
  })

  inTerminal('a closed terminal ends it, and what it left too', async () => {
    const run = startOneOff(app, ['setsid sleep 300 & echo ready; exec sleep 300'], { terminal: true })
    await run.waitFor(/ready/)
    run.signal('SIGKILL')
    await until('everything to have ended', () => running().length === 0)
  })
})

describe('a signal to tw-run alone', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)('%s reaches it once', async (signal) => {
    const run = startOneOff(app, ['node', 'signals.cjs'])
    await run.waitFor(/ready/)
    run.signal(signal)
    await run.waitFor(new RegExp(`signal 1 ${signal}`))
    run.write('end\n')
    expect(await run.ended).toBe(1)
    expect(run.output()).not.toContain('signal 2')
  })

  test('SIGTERM reaches what has a shell between', async () => {
    const run = startOneOff(app, ['node signals.cjs 1; exit $?'])
    await run.waitFor(/ready/)
    run.signal('SIGTERM')
    await run.waitFor(/signal 1 SIGTERM/)
    expect(await run.ended).toBe(143)
  })

  test('does not end tw-run before the process that has just started', async () => {
    // Whoever hears of the process may signal tw-run in the same instant.
    for (let round = 0; round < 5; round += 1) {
      const run = startOneOff(app, ['trap "exit 9" TERM; echo ready; while :; do sleep 0.01; done'])
      await run.waitFor(/ready/)
      run.signal('SIGTERM')
      expect(await run.ended).toBe(9)
    }
  })

  test('what ignores it is killed after the grace period', async () => {
    const run = startOneOff(app, ['-t', '0.3', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'])
    await run.waitFor(/ready/)
    run.signal('SIGTERM')
    expect(await run.ended).toBe(137)
  })

  test.each([
    ['itself', 'echo ready; kill -STOP $$'],
    ['what it waits for', `sh -c 'trap "exit 15" TERM; echo ready; kill -STOP $$'; exit $?`],
  ])('ends what has stopped %s, without waiting for the end of the grace period', async (_, command) => {
    const run = startOneOff(app, ['-t', '60', command])
    await run.waitFor(/ready/)
    await until('it to be stopped', () => running().some(({ pid }) => isStopped(pid)))
    run.signal('SIGTERM')
    expect(await run.ended).toBe(143)
  })

  linux('reaches it where there is no ps, and nothing crashes', async () => {
    mkdirSync(app.path('bin'))
    symlinkSync(process.execPath, app.path('bin/node'))
    const run = startOneOff(app, ['node', 'signals.cjs'], { env: { PATH: app.path('bin') } })
    await run.waitFor(/ready/)
    run.signal('SIGTERM')
    await run.waitFor(/signal 1 SIGTERM/)
    run.write('end\n')
    expect(await run.ended).toBe(1)
    expect(run.output()).not.toMatch(/error|bug/i)
  })
})

describe('what it leaves behind', () => {
  const withSetsid = requires('setsid', 'linux')

  withSetsid('is ended with it, also out of its session', async () => {
    const { code, stdout } = await app.cli(['run', 'setsid sleep 300 >/dev/null 2>&1 & echo $!; exit 4'])
    expect([code, isAlive(Number(stdout))]).toEqual([4, false])
  })

  withSetsid('is killed if it ignores SIGTERM', async () => {
    const stubborn = 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
    const run = startOneOff(app, [
      '-t',
      '0.3',
      `setsid sh -c '${stubborn}' </dev/null & read -r line; exit 5`,
    ])
    await run.waitFor(/ready/)
    run.write('end\n')
    expect(await run.ended).toBe(5)
    expect(running()).toEqual([])
  })

  withSetsid('is killed at once when a signal comes while it is ended', async () => {
    const stubborn = 'trap "echo told" TERM; echo ready; while :; do sleep 0.05; done'
    const run = startOneOff(app, ['-t', '60', `setsid sh -c '${stubborn}' </dev/null & read -r line; exit 6`])
    await run.waitFor(/ready/)
    run.write('end\n')
    await run.waitFor(/told/)
    run.signal('SIGTERM')
    expect(await run.ended).toBe(6)
    expect(running()).toEqual([])
  })

  test('does not include its TMPDIR', async () => {
    const { stdout } = await app.cli([
      'run',
      'mkdir -p $TMPDIR/deep/er; echo x >$TMPDIR/deep/er/f; echo $TMPDIR',
    ])
    expect(stdout).toContain('tw-run')
    expect(statSync(stdout.trim(), { throwIfNoEntry: false })).toBeUndefined()
  })
})

describe('of a tw-run that was killed', () => {
  /** A one-off whose tw-run is killed when it runs; it tells its scratch directory. */
  async function orphaned(killed: LiveApp): Promise<string> {
    const run = killed.startBy([process.execPath], ['run', 'echo in $TMPDIR; sleep 313.1; true'])
    const [, scratch = ''] = await run.waitFor(/in (.*)\n/)
    await until('it to sleep', () => sleeps(killed).length === 1)
    kill9(run.pid)
    await until('it to be gone', () => !isAlive(run.pid))
    return scratch
  }

  /** The pids of the sleeps that live, as a list in words. */
  function sleeps(killed: LiveApp): number[] {
    return killed.survivors().flatMap(({ pid, command }) => (command === 'sleep 313.1' ? [pid] : []))
  }

  linux.for([
    [['run', 'true'], 0, ''],
    [['stop'], 0, ''],
    [['start', '-p', String(portAt(0))], 0, ''],
    [['start', '-D', '-p', String(portAt(0))], 0, ''],
  ] as const)('the one-off is ended by the next %j, which says so', async ([args, code, more]) => {
    const killed = liveApp({ Procfile: 'web: echo there; sleep 0.1\n' })
    const scratch = await orphaned(killed)
    const [pid] = sleeps(killed)
    const next = await killed.cli(args)
    expect(next.stderr).toMatch(
      new RegExp(
        String.raw`^tw-run: ended what a killed tw-run had left here: [^]*sleep 313\.1 \(pid ${pid}\)`,
      ),
    )
    expect([next.code, next.stderr.replace(/^.*\n/, '')]).toEqual([code, more])
    expect([sleeps(killed), existsSync(scratch)]).toEqual([[], false])
    await until('all of it to be over', () => killed.survivors().length === 0)
    expect(await killed.cli(['run', 'true'])).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  linux('one whose tw-run lives goes on beside others', async () => {
    const killed = liveApp({ Procfile: 'web: exec sleep 300\n' })
    const living = killed.startBy([process.execPath], ['run', 'echo in $TMPDIR; exec sleep 314.1'])
    const [, scratch = ''] = await living.waitFor(/in (.*)\n/)
    await orphaned(killed)
    await Promise.all(
      ['run true', 'stop', 'run true'].map(async (words) => await killed.cli(words.split(' '))),
    )
    await until('the other to be gone', () => sleeps(killed).length === 0)
    expect(killed.survivors().map(({ command }) => command)).toContain('sleep 314.1')
    expect(existsSync(scratch)).toBe(true)
    living.signal('SIGTERM')
    expect(await living.ended).toBe(143)
    expect([killed.survivors(), existsSync(scratch)]).toEqual([[], false])
  })

  linux('the shell that it left can run another one, which does not end it', async () => {
    const killed = liveApp({
      'go.sh': 'until test -e go; do sleep 0.02; done; "$@"; echo still; exec sleep 313.2\n',
    })
    writeFileSync(killed.path('Procfile'), 'web: exec sleep 300\n')
    const run = killed.startBy(
      [process.execPath],
      ['run', 'sh', 'go.sh', process.execPath, BIN, 'run', 'echo inner'],
    )
    await until('it to be there', () =>
      killed.survivors().some(({ command }) => command.startsWith('sh go.sh')),
    )
    kill9(run.pid)
    writeFileSync(killed.path('go'), '')
    await run.waitFor(/inner\nstill/)
    expect((await killed.cli(['run', 'true'])).stderr).toContain('sleep 313.2')
    await run.ended
  })

  linux('where nothing can be noted it runs all the same, and that is said', async () => {
    const { code, stdout, stderr } = await app.cli(['run', 'echo', 'done'], {
      TW_RUN_STATE_DIR: '/proc/nowhere',
    })
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'done\n' })
    expect(stderr).toMatch(
      /^tw-run: cannot write to the state directory .*: if this tw-run is killed, nobody ends what it runs\n$/,
    )
  })
})

test('where there can be no temporary files it says so', async () => {
  const one = makeApp({ Procfile: 'web: true\n' })
  const { code, stderr } = await one.cli(['run', '--', 'true'], { TMPDIR: '/dev/null' })
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('TMPDIR has to be a folder that you may write to'),
  ])
  one.cleanup()
})
