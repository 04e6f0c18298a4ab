import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { portsFrom, PROCFILE, reportIn, runWith, webApp } from '../support/with.ts'

const test = requires('linux')
let nextPort = portAt(0)
const ports = (): string[] => portsFrom((nextPort += 5))
const REPORT = ['--report', 'report.json']

test('the report says what every process did, how long it took and how much memory', async () => {
  const grow = `
    const held = Buffer.alloc(150 * 1024 * 1024, 1)
    require('node:http').createServer().listen(process.env.PORT, '127.0.0.1')
    process.on('SIGTERM', () => setTimeout(() => process.exit(0), 300 + held[0]))`
  const Procfile = 'web: exec node grow.js\nworker: exec sleep 1000\nlate: exec node web.js\n'
  const app = webApp({ Procfile, 'grow.js': grow })
  const args = [
    ...ports(),
    '--formation',
    'web=1,worker=2,late=0',
    ...REPORT,
    '--',
    'sh',
    '-c',
    'sleep 0.3; exit 0',
  ]
  const before = Date.now()
  const { code, stderr } = await runWith(app, args)
  expect(code, stderr).toBe(0)
  const report = reportIn(app)
  expect(report).toMatchObject({
    version: 1,
    command: ['sh', '-c', 'sleep 0.3; exit 0'],
    exitCode: 0,
    commandExitCode: 0,
    cause: null,
    failed: [],
    formation: { web: 1, worker: 2, late: 0 },
    budgets: [],
  })
  expect(Date.parse(report.startedAt)).toBeGreaterThanOrEqual(before)
  expect(Date.parse(report.startedAt)).toBeLessThanOrEqual(Date.now())
  expect(report.processes.map(({ process, type, instance }) => [process, type, instance])).toEqual([
    ['web.1', 'web', 1],
    ['worker.1', 'worker', 1],
    ['worker.2', 'worker', 2],
  ])
  const [web, worker] = report.processes
  expect(web?.exits).toEqual([{ code: 0 }])
  expect(worker).toMatchObject({ exits: [{ signal: 'SIGTERM' }], restarts: 0, readyMs: 1000 })
  expect(web?.upMs).toBeLessThanOrEqual(web?.readyMs ?? 0)
  expect(web?.stopMs).toBeGreaterThanOrEqual(290)
  expect(report.readyMs).toBeGreaterThanOrEqual(1000)
  // The command, and the slowest stop, come after everything was ready.
  expect(report.durationMs).toBeGreaterThanOrEqual((report.readyMs ?? 0) + 300 + 290)
  expect(web?.peakMemory).toBeGreaterThan(150 * 1024 * 1024)
  expect(worker?.peakMemory).toBeLessThan(50 * 1024 * 1024)
})

test('the peak of memory is not missed between two looks', async () => {
  const spike = `
    let held = Buffer.alloc(200 * 1024 * 1024, 1)
    held = undefined
    global.gc()
    require('node:http').createServer().listen(process.env.PORT, '127.0.0.1')`
  const app = webApp({ Procfile: 'web: exec node --expose-gc spike.js\n', 'spike.js': spike })
  await runWith(app, [...ports(), ...REPORT, '--', 'true'])
  expect(reportIn(app).processes[0]?.peakMemory).toBeGreaterThan(200 * 1024 * 1024)
})

test('every restart and end is in the report', async () => {
  const app = webApp({ Procfile: 'web: echo $$ > pid; exec node web.js\n' })
  const work = [
    'sh',
    '-c',
    'old=$(cat pid); kill -9 $old; until [ "$(cat pid)" != "$old" ]; do :; done; sleep 0.3',
  ]
  const { code, stderr } = await runWith(app, [...ports(), '--restart', 'always', ...REPORT, '--', ...work])
  expect(code, stderr).toBe(0)
  expect(reportIn(app).processes).toMatchObject([
    { process: 'web.1', restarts: 1, exits: [{ signal: 'SIGKILL' }, { signal: 'SIGTERM' }] },
  ])
})

describe('the report is written too', () => {
  test('when the command fails', async () => {
    const app = webApp()
    await runWith(app, [...ports(), ...REPORT, '--', 'sh', '-c', 'exit 7'])
    expect(reportIn(app)).toMatchObject({ exitCode: 7, commandExitCode: 7, cause: null, failed: [] })
  })

  test('when a process dies', async () => {
    const app = webApp()
    await runWith(app, [...ports(), ...REPORT, '--', 'node', 'ask.js'], { DIE: 'asked' })
    expect(reportIn(app)).toMatchObject({
      exitCode: 9,
      commandExitCode: 143,
      cause: expect.stringMatching(/^web\.1 exited with code 9 after .*, while the command ran$/),
      failed: ['web.1'],
      processes: [{ process: 'web.1', exits: [{ code: 9 }], stopMs: null }],
    })
  })

  test('when a stage fails', async () => {
    const app = webApp({ Procfile: `release: exit 6\n${PROCFILE}` })
    await runWith(app, [...ports(), '--release', ...REPORT, '--', 'true'])
    expect(reportIn(app)).toMatchObject({
      exitCode: 6,
      commandExitCode: null,
      failed: ['release.1'],
      readyMs: null,
      processes: [
        { process: 'web.1', upMs: null, readyMs: null, exits: [], peakMemory: null },
        { process: 'release.1', exits: [{ code: 6 }] },
      ],
    })
  })

  test('when nothing could be started', async () => {
    const app = webApp({ Procfile: 'not a Procfile\n' })
    writeFileSync(app.path('report.json'), 'of an earlier run')
    const { code, stderr } = await runWith(app, [...ports(), ...REPORT, '--', 'true'], {
      GITHUB_ACTIONS: 'true',
    })
    expect(code).toBe(2)
    expect(reportIn(app)).toMatchObject({ exitCode: 2, commandExitCode: null, processes: [] })
    expect(reportIn(app).cause).toMatch(/^Procfile:1:1: error:/)
    expect(stderr).toMatch(/^::error title=tw-run::Procfile:1:1: error: .*%0A/m)
  })

  test('or it is said at once that it cannot be', async () => {
    const { code, stdout, stderr } = await runWith(webApp(), [
      ...ports(),
      '--report',
      'no/such/folder',
      '--',
      'echo',
      'begun',
    ])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toBe('tw-run: cannot write the report no/such/folder: there is no such file\n')
  })
})

describe('budgets', () => {
  test('that are kept are no news', async () => {
    const app = webApp()
    const args = [...ports(), '--ready-within', '20s', '--stop-within', '20s', ...REPORT, '--', 'true']
    const { code, stderr } = await runWith(app, args)
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/^tw-run:/m)
    expect(reportIn(app).budgets).toEqual([
      { name: 'ready-within', limitMs: 20_000, exceeded: [] },
      { name: 'stop-within', limitMs: 20_000, exceeded: [] },
    ])
  })

  test('that are not kept give 3, with a table of all', async () => {
    const app = webApp({ Procfile: `${PROCFILE}idle: exec sleep 1000\n` })
    const args = [...ports(), '--ready-within', '1400ms', ...REPORT, '--', 'true']
    const { code, stderr } = await runWith(app, args, { BOOT: '1500' })
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /tw-run: --ready-within 1\.4 s; ready after:\n {2}web\.1 +[\d.]+ s +too late\n {2}idle\.1 +1 s\ntw-run: --ready-within 1\.4 s was not kept by web\.1\n$/,
    )
    const [web] = reportIn(app).processes
    expect(reportIn(app)).toMatchObject({
      exitCode: 3,
      commandExitCode: 0,
      budgets: [{ name: 'ready-within', limitMs: 1400, exceeded: [{ process: 'web.1', ms: web?.readyMs }] }],
    })
  })

  test('for the stop', async () => {
    const app = webApp({ Procfile: 'idle: trap "sleep 0.5; exit" TERM; sleep 1000 & wait; wait\n' })
    const { code, stderr } = await runWith(app, [...ports(), '--stop-within', '300ms', '--', 'true'])
    expect(code).toBe(3)
    expect(stderr).toMatch(/--stop-within 0\.3 s; stopped after:\n {2}idle\.1 +[\d.]+ s +too late\n/)
  })

  test('do not hide a failure of the command', async () => {
    const args = [...ports(), '--ready-within', '1ms', '--', 'sh', '-c', 'exit 7']
    const { code, stderr } = await runWith(webApp(), args)
    expect(code).toBe(7)
    expect(stderr).toMatch(/too late/)
  })

  test('that are tiny are told with all their digits, and so is what took longer', async () => {
    const app = webApp()
    const { code, stderr } = await runWith(app, [
      ...ports(),
      '--ready-within',
      '1ms',
      ...REPORT,
      '--',
      'true',
    ])
    expect(code).toBe(3)
    const [web] = reportIn(app).processes
    expect(stderr.split('\n').slice(-4, -1)).toEqual([
      'tw-run: --ready-within 0.001 s; ready after:',
      `  web.1  ${(web?.readyMs ?? 0) / 1000} s  too late`,
      'tw-run: --ready-within 0.001 s was not kept by web.1',
    ])
  })
})

describe('on GitHub Actions', () => {
  const env = { GITHUB_ACTIONS: 'true' }

  test('the last lines are a group, and the cause is an annotation', async () => {
    const Procfile = 'web: echo "::error::not from tw-run"; echo "100%"; exit 4\n'
    const { code, stderr } = await runWith(webApp({ Procfile }), [...ports(), '--', 'true'], env)
    expect(code).toBe(4)
    expect(stderr).toMatch(
      /^::group::the last lines of web\.1\n {2}\| ::error::not from tw-run\n {2}\| 100%\n::endgroup::\n::error title=tw-run::web\.1 exited with code 4 after [\d.]+ s, before everything was ready\n$/m,
    )
    expect(stderr.match(/^\s*::/gm)).toHaveLength(3)
  })

  test('a command that fails by itself has no annotation', async () => {
    const { stderr } = await runWith(webApp(), [...ports(), '--', 'false'], env)
    expect(stderr).not.toContain('::')
  })
})

describe('--junit', () => {
  const test = requires('linux', 'python3')

  test.for<[string, readonly string[], Readonly<Record<string, string>>, readonly [string, string | null][]]>(
    [
      [
        'all well',
        ['true'],
        {},
        [
          ['web.1', null],
          ['true', null],
        ],
      ],
      [
        'a command that fails',
        ['sh', '-c', 'exit 7 # <&"\u{1F600}\u0001>'],
        {},
        [
          ['web.1', null],
          ['sh -c exit 7 # <&"\u{1F600}?>', 'exit code 7'],
        ],
      ],
      [
        'a process that dies',
        ['node', 'ask.js'],
        { DIE: 'asked' },
        [
          ['web.1', 'web.1 exited with code 9'],
          ['node ask.js', 'web.1 exited with code 9'],
        ],
      ],
      [
        'one that dies at boot',
        ['true'],
        { DIE: '0', BOOT: '900' },
        [
          ['web.1', 'web.1 exited with code 9'],
          ['true', 'web.1 exited with code 9'],
        ],
      ],
    ],
  )('%s', async ([, command, env, expected]) => {
    const app = webApp()
    await runWith(app, [...ports(), '--junit', 'junit.xml', '--', ...command], env)
    const { suite, cases } = parsed(readFileSync(app.path('junit.xml')))
    expect(cases.map(({ name, failure }) => [name, failure?.replace(/ after .*/, '') ?? null])).toEqual(
      expected,
    )
    const failures = cases.filter(({ failure }) => failure !== null).length
    expect(suite).toMatchObject({ name: 'tw-run', tests: String(cases.length), failures: String(failures) })
    for (const { time } of [...cases, suite]) expect(time).toMatch(/^\d+\.\d{3}$/)
  })
})

interface Parsed {
  readonly suite: Readonly<Record<string, string>>
  readonly cases: readonly { readonly name: string; readonly time: string; readonly failure: string | null }[]
}

/** As a strict parser reads it. */
function parsed(xml: Buffer): Parsed {
  const script = `
import json, sys, xml.etree.ElementTree as tree
suite = tree.fromstring(sys.stdin.buffer.read()).find("testsuite")
def case(one):
    failure = one.find("failure")
    return {"name": one.get("name"), "time": one.get("time"), "failure": None if failure is None else failure.get("message")}
print(json.dumps({"suite": suite.attrib, "cases": [case(one) for one in suite.findall("testcase")]}))`
  const { stdout, stderr } = spawnSync('python3', ['-c', script], { input: xml, encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Parsed
}
