import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

/** Exact lines, whose colours they have, and what becomes of lines that do not end. */

const TERMINAL = new URL('../support/terminal.py', import.meta.url).pathname
const PORT = ['-p', String(portAt(0))]
const ESCAPE = '\u001b'

/** Everything on stdout, of a start that ends by itself. */
async function outputOf(app: LiveApp, options: readonly string[] = [], env = {}): Promise<string> {
  const { stdout, stderr } = await app.cli(['start', ...PORT, ...options], env)
  expect(stderr).toBe('')
  return stdout
}

const withoutTimes = (output: string): string[] => output.replaceAll(/^\d\d:\d\d:\d\d /gm, '').split('\n')

/** Says two lines and ends, in this order whatever else runs. */
const TWO = 'web: echo one; echo two\n'
// Of a process that has ended already there is no pid to say.
const STARTED = expect.stringMatching(
  new RegExp(String.raw`^(system +\| )?web\.1 on ${portAt(0)}( \(pid \d+\))?$`),
)
const ENDED = expect.stringMatching(/^(system +\| )?web\.1 ended \(exit code 0\) after \d(\.\d)? s$/)

describe('exact lines', () => {
  const last = 'all stopped, nothing left running (web.1 ended (exit code 0))'

  test('time, name as wide as the widest, text', async () => {
    const output = await outputOf(liveApp({ Procfile: `${TWO}a-long-name: sleep 9\n` }), [
      '-m',
      'a-long-name=0',
    ])
    expect(output).toMatch(/^(\d\d:\d\d:\d\d \S+ +\| .*\n)+$/)
    const lines = ['web.1  | one', 'web.1  | two']
    expect(withoutTimes(output)).toEqual([STARTED, ...lines, ENDED, `system | ${last}`, ''])
  })

  test('names are padded to the widest process', async () => {
    const app = liveApp({
      Procfile:
        'web: echo one; sleep 9\na-long-name: while ! grep -q one ../state/*/processes/web.1/1/log; do sleep 0.01; done\n',
    })
    const lines = withoutTimes(await outputOf(app))
    expect(lines).toContain('web.1         | one')
    expect(lines.at(-2)).toMatch(/^system {8}\| all stopped/)
  })

  test('--no-timestamps', async () => {
    const output = await outputOf(liveApp({ Procfile: TWO }), ['--no-timestamps'])
    const lines = ['web.1  | one', 'web.1  | two']
    expect(output.split('\n')).toEqual([STARTED, ...lines, ENDED, `system | ${last}`, ''])
  })

  test('--no-prefix', async () => {
    const output = await outputOf(liveApp({ Procfile: TWO }), ['--no-prefix'])
    expect(output).toMatch(/^(\d\d:\d\d:\d\d .*\n)+$/)
    expect(withoutTimes(output)).toEqual([STARTED, 'one', 'two', ENDED, last, ''])
  })

  test.each([[['--log-format', 'plain']], [['--no-prefix', '--no-timestamps']]])('%j', async (options) => {
    const output = await outputOf(liveApp({ Procfile: TWO }), options)
    expect(output.split('\n')).toEqual([STARTED, 'one', 'two', ENDED, last, ''])
  })

  test('--log-format json', async () => {
    const output = await outputOf(liveApp({ Procfile: 'web: echo "a \\"b\\""; printf é\n' }), [
      '--log-format',
      'json',
    ])
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(lines).toEqual([
      { time, process: 'system', seq: 1, text: STARTED },
      { time, process: 'web.1', seq: 1, text: 'a "b"' },
      { time, process: 'web.1', seq: 2, text: 'é', partial: true },
      { time, process: 'system', seq: 2, text: ENDED },
      { time, process: 'system', seq: 3, text: last },
    ])
  })
})

describe('what runs is said before its first line, and its end after its last', () => {
  const linesOf = async (procfile: string, options: string[]): Promise<string[]> => {
    const { stdout } = await liveApp({ Procfile: procfile }).cli([
      'start',
      ...PORT,
      '--no-timestamps',
      ...options,
    ])
    return stdout.split('\n').map((line) => line.replace(/^(\S+ +\| \S+ \S+).*/, '$1').replaceAll(/ +/g, ' '))
  }

  test('of a stage after a stage', async () => {
    expect(
      await linesOf('build: echo compiling it\nrelease: echo migrating it; exit 6\nweb: true', ['--release']),
    ).toEqual([
      'system | build.1 on',
      'build.1 | compiling it',
      'system | build.1 ended',
      'system | release.1 on',
      'release.1 | migrating it',
      'system | release.1 exited',
      'system | all stopped,',
      '',
    ])
  })

  test('of a process that is started again', async () => {
    const again = ['system | web.1 on', 'web.1 | up now', 'system | web.1 exited']
    const lines = await linesOf('web: echo up now; exit 1', ['--restart', 'on-failure:1'])
    expect(lines).toEqual([...again, ...again, 'system | all stopped,', ''])
  })
})

describe('lines that do not end', () => {
  test('the last line of a process that dies within it is shown and terminated', async () => {
    const output = await outputOf(liveApp({ Procfile: 'web: echo whole; printf half; kill -9 $$\n' }), [
      '--no-timestamps',
    ])
    expect(output).toMatch(/\nweb\.1 +\| whole\nweb\.1 +\| half\nsystem +\| web\.1 was ended by SIGKILL/)
  })

  test('the next run begins on a new line; runs are in order, each end after the last line of its run', async () => {
    const procfile = `web: n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n >n; echo "begin $n"; printf "end $n"; exit 1\n`
    const app = liveApp({ Procfile: procfile })
    const result = await app.cli(['start', ...PORT, '--restart', 'on-failure:1', '--no-timestamps'])
    const lines = result.stdout
      .split('\n')
      .filter((line) => !new RegExp(String.raw` on ${portAt(0)}( |$)`).test(line))
    expect(lines.slice(0, 6)).toEqual([
      'web.1  | begin 1',
      'web.1  | end 1',
      expect.stringMatching(/^system \| web\.1 exited with code 1 .*starting again$/),
      'web.1  | begin 2',
      'web.1  | end 2',
      expect.stringMatching(/^system \| web\.1 exited with code 1 .*giving up/),
    ])
  })

  test('escape codes and carriage returns of a process pass through', async () => {
    const bytes = '\\033[31mred\\033[0m\\r50%%\\r100%%\\r\\n'
    const output = await outputOf(liveApp({ Procfile: `web: printf '${bytes}'\n` }), [
      '--no-color',
      '--no-timestamps',
    ])
    expect(output).toContain(`web.1  | ${ESCAPE}[31mred${ESCAPE}[0m\r50%\r100%\r\nsystem`)
  })
})

describe('colours', () => {
  /** As a program that runs on a terminal sees it. */
  async function onTerminal(options: readonly string[], env: Record<string, string>): Promise<string> {
    const app = liveApp({ Procfile: TWO })
    const script = `exec python3 ${TERMINAL} keys shown "$@"`
    const run = app.startBy(['sh', '-c', script, 'sh', process.execPath], ['start', ...PORT, ...options], env)
    expect(await run.ended, run.output()).toBe(0)
    expect(existsSync(app.path('shown'))).toBe(true)
    return readFileSync(app.path('shown'), 'utf8')
  }

  const terminal = requires('linux', 'python3')

  terminal.for<[string[], Record<string, string>, boolean]>([
    [[], {}, true],
    [[], { TERM: 'xterm' }, true],
    [[], { NO_COLOR: '1' }, false],
    [[], { NO_COLOR: '' }, true],
    [[], { TERM: 'dumb' }, false],
    [[], { FORCE_COLOR: '0' }, false],
    [['--no-color'], { FORCE_COLOR: '1' }, false],
    [['--color'], { NO_COLOR: '1' }, true],
    [['--log-format', 'json'], {}, false],
    [['--log-format', 'plain'], {}, false],
  ])('on a terminal: %j %j: %j', async ([options, env, isColored]) => {
    expect((await onTerminal(options, env)).includes(ESCAPE)).toBe(isColored)
  })

  test.for<[string[], Record<string, string>, boolean]>([
    [[], {}, false],
    [[], { FORCE_COLOR: '1' }, true],
    [[], { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [['--color'], {}, true],
    [['--color'], { NO_COLOR: '1' }, true],
    [['--no-color'], { FORCE_COLOR: '1' }, false],
  ])('elsewhere: %j %j: %j', async ([options, env, isColored]) => {
    expect((await outputOf(liveApp({ Procfile: TWO }), options, env)).includes(ESCAPE)).toBe(isColored)
  })

  test('a colour a type, around the prefix alone', async () => {
    const output = await outputOf(liveApp({ Procfile: TWO }), ['--color', '--no-timestamps'])
    expect(output).toContain(`${ESCAPE}[36mweb.1  | ${ESCAPE}[39mone\n`)
    expect(output).toContain(`${ESCAPE}[90msystem | ${ESCAPE}[39mall stopped`)
  })
})

test('a line whose watch was told nothing, as when the queue of events is full, is shown within a second or so', async () => {
  const procfile = 'web: echo one; until test -e go; do sleep 0.05; done; echo two; exec sleep 100\n'
  const deaf = `const fs = require('fs')
    const { watch, writeFileSync } = fs
    fs.watch = (path, options) => {
      writeFileSync(process.env.TW_TEST_WATCHED, '')
      return watch(path, options)
    }`
  const app = liveApp({ Procfile: procfile, 'deaf.cjs': deaf })
  const run = app.start(['-p', String(portAt(900))], {
    NODE_OPTIONS: `--require ${app.path('deaf.cjs')}`,
    TW_TEST_WATCHED: app.path('watched'),
  })
  await until('its log to be watched', () => existsSync(app.path('watched')))
  const begun = performance.now()
  writeFileSync(app.path('go'), '')
  await run.waitFor(/web\.1 +\| two/)
  expect(performance.now() - begun).toBeLessThan(3_000)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})
