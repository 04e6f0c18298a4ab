import { expect, test } from 'vitest'
import { processId } from '../../src/core/names.ts'
import { brokenBudget, budgetsOf, junitOf } from '../../src/core/report.ts'
import type { ProcessReport, Report } from '../../src/core/report.ts'

function processReport(type: string, more: Partial<ProcessReport> = {}): ProcessReport {
  return {
    process: processId(type, 1),
    type,
    instance: 1,
    port: 5000,
    upMs: 10,
    readyMs: 500,
    stopMs: 100,
    restarts: 0,
    exits: [{ signal: 'SIGTERM' }],
    peakMemory: null,
    ...more,
  }
}

function report(more: Partial<Report> = {}): Report {
  return {
    version: 1,
    command: ['npm', 'test'],
    exitCode: 0,
    commandExitCode: 0,
    cause: null,
    failed: [],
    startedAt: '2026-01-01T00:00:00.000Z',
    durationMs: 3_210,
    readyMs: 500,
    formation: { web: 1 },
    processes: [processReport('web')],
    budgets: [],
    ...more,
  }
}

test.each<[string, Partial<ProcessReport>, ...[number, number, string[]]]>([
  ['in time', {}, 500, 100, []],
  ['ready too late', {}, 499, 100, ['ready-within']],
  ['stopped too late', {}, 500, 99, ['stop-within']],
  ['never ready', { readyMs: null }, 60_000, 100, ['ready-within']],
  [
    'never ready, and ended by itself',
    { readyMs: null, stopMs: null, exits: [{ code: 1 }] },
    60_000,
    1,
    ['ready-within'],
  ],
  ['done before it was ready', { readyMs: null, stopMs: null, exits: [{ code: 0 }] }, 1, 1, []],
  [
    'done before it was ready, in the end',
    { readyMs: null, stopMs: null, exits: [{ code: 1 }, { code: 0 }] },
    1,
    1,
    [],
  ],
  ['stopped before it was ready', { readyMs: null, exits: [{ code: 0 }] }, 60_000, 100, ['ready-within']],
  ['never started', { readyMs: null, stopMs: null, exits: [] }, 60_000, 1, ['ready-within']],
])('a budget: %s', (_, more, ...[readyMs, stopMs, broken]) => {
  const budgets = budgetsOf([processReport('web', more)], { readyMs, stopMs })
  expect(budgets.map(({ name, limitMs }) => [name, limitMs])).toEqual([
    ['ready-within', readyMs],
    ['stop-within', stopMs],
  ])
  expect(budgets.filter(({ exceeded }) => exceeded.length > 0).map(({ name }) => name)).toEqual(broken)
})

test('budgets that nobody asked for are none', () => {
  expect(budgetsOf([processReport('web', { readyMs: null })], {})).toEqual([])
})

test('who broke which budget is said in one sentence', () => {
  const processes = [processReport('web', { readyMs: 2_000 }), processReport('worker', { readyMs: 3_000 })]
  expect(brokenBudget(budgetsOf(processes, { readyMs: 1_500, stopMs: 50 }))).toBe(
    '--ready-within 1.5 s was not kept by web.1, worker.1; --stop-within 0.05 s was not kept by web.1, worker.1',
  )
  expect(brokenBudget(budgetsOf(processes, { readyMs: 3_000 }))).toBeUndefined()
})

test('JUnit: one case for each process and one for the command', () => {
  expect(junitOf(report())).toBe(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites><testsuite name="tw-run" tests="2" failures="0" time="3.210">',
      '<testcase classname="tw-run" name="web.1" time="0.500"/>',
      '<testcase classname="tw-run" name="npm test" time="3.210"/>',
      '</testsuite></testsuites>',
      '',
    ].join('\n'),
  )
})

const LATE = budgetsOf([processReport('web')], { readyMs: 1 })
const NEVER_STARTED = { readyMs: null, stopMs: null, exits: [] }

test.each<[string, Partial<Report>, (string | undefined)[]]>([
  ['a command that fails', { exitCode: 7, commandExitCode: 7 }, [undefined, 'exit code 7']],
  [
    'a process that died',
    { exitCode: 9, commandExitCode: 143, cause: 'web.1 died', failed: [processId('web', 1)] },
    ['web.1 died', 'web.1 died'],
  ],
  [
    'a command that ends well although web died',
    { exitCode: 9, cause: 'web.1 died', failed: [processId('web', 1)] },
    ['web.1 died', 'web.1 died'],
  ],
  [
    'a command that was not begun',
    { exitCode: 124, commandExitCode: null, cause: 'too late' },
    [undefined, 'too late'],
  ],
  [
    'a process that was never started',
    {
      exitCode: 5,
      commandExitCode: null,
      cause: 'release.1 failed',
      processes: [processReport('web', NEVER_STARTED)],
    },
    ['it was never started', 'release.1 failed'],
  ],
  [
    'a budget',
    { exitCode: 3, cause: 'late', budgets: LATE },
    ['--ready-within 0.001 s was not kept', undefined],
  ],
  [
    'a budget that two broke, and a command that failed',
    {
      exitCode: 7,
      commandExitCode: 7,
      budgets: budgetsOf([processReport('web'), processReport('worker')], { readyMs: 1 }),
      processes: [processReport('web'), processReport('worker')],
    },
    ['--ready-within 0.001 s was not kept', '--ready-within 0.001 s was not kept', 'exit code 7'],
  ],
  [
    'a process that did its work before it was ready, and one that nobody stopped',
    {
      processes: [
        processReport('migrate', { readyMs: null, stopMs: null, exits: [{ code: 0 }] }),
        processReport('web', { stopMs: null, exits: [] }),
      ],
    },
    [undefined, undefined, undefined],
  ],
  ['a leak', { exitCode: 3, cause: 'still running' }, [undefined, 'still running']],
])('JUnit: %s', (_, more, failures) => {
  const xml = junitOf(report(more))
  const cases = xml.split('\n').filter((line) => line.startsWith('<testcase'))
  expect(cases.map((line) => /<failure message="([^"]*)"/.exec(line)?.[1])).toEqual(failures)
  expect(xml).toContain(`failures="${failures.filter((one) => one !== undefined).length}"`)
})

test('JUnit: text is escaped, and what XML cannot say is replaced', () => {
  const xml = junitOf(
    report({ command: ['a<b>', '"c"&', 'd\n\te\r', '\u0000\u001B\uFFFE\uD800', '\u{1F600}'] }),
  )
  expect(xml).toContain('name="a&lt;b&gt; &quot;c&quot;&amp; d&#10;&#9;e&#13; ???? \u{1F600}"')
})
