import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'vitest'
import { exampleApp } from '../support/example.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { BIN } from '../support/rig.ts'
import { reportIn } from '../support/with.ts'

// That nothing survives is looked at after each of them, from outside tw-run.
const test = requires('linux', 'redis-server')
const LAST_WORD = /all stopped, nothing left running/

test('tests that pass: 0, and all was ready before they began', async () => {
  const { app, run } = pipeline()
  expect(await run.ended, run.output()).toBe(0)
  expect(run.output()).toMatch(/^tw-run: ports from \d{4}0$/m)
  expect(run.output()).toMatch(/^3 jobs were asked for and done$/m)
  expect(run.output()).toMatch(LAST_WORD)
  const report = reportIn(app)
  expect(report).toMatchObject({ exitCode: 0, commandExitCode: 0, cause: null, failed: [] })
  expect(report.processes.map(({ process }) => process)).toEqual(['redis.1', 'web.1', 'web.2', 'worker.1'])
  const [, web] = report.processes
  expect(web?.readyMs).toBeGreaterThanOrEqual(2000)
  for (const { exits } of report.processes) expect(exits).toEqual([{ code: 0 }])
})

test('tests that fail with 7: 7', async () => {
  const { run } = pipeline(['sh', '-c', 'node test.js && exit 7'])
  expect(await run.ended, run.output()).toBe(7)
  expect(run.output()).toMatch(/^3 jobs were asked for and done$/m)
  expect(run.output()).toMatch(LAST_WORD)
})

test('tests that hang: 124 when the time is over', async () => {
  const { app, run } = pipeline(['sh', '-c', 'echo begun; exec sleep 1000'], { TIME_LIMIT: '6s' })
  expect(await run.ended, run.output()).toBe(124)
  expect(run.output()).toMatch(/^begun$/m)
  expect(run.output()).toMatch(/^tw-run: the time limit of 6 s is over: the command still ran$/m)
  expect(reportIn(app)).toMatchObject({ exitCode: 124, commandExitCode: 143 })
})

test('a web that dies at boot: its code and its last lines, and no tests', async () => {
  const { app, run } = pipeline(['echo', 'begun'], { DIES: 'at boot' })
  expect(await run.ended, run.output()).toBe(9)
  expect(run.output()).not.toMatch(/^begun$/m)
  expect(run.output()).toMatch(
    /^tw-run: the last lines of (web\.\d):\n {2}\| \1 has lost its database\ntw-run: \1 exited with code 9 after [\d.]+ s, before everything was ready$/m,
  )
  expect(reportIn(app)).toMatchObject({ exitCode: 9, commandExitCode: null, readyMs: null })
})

test('a web that dies in the middle: its code and its last lines, and the tests are ended', async () => {
  const { app, run } = pipeline(['sh', '-c', 'node test.js; exec sleep 1000'], { DIES: 'when asked' })
  expect(await run.ended, run.output()).toBe(9)
  expect(run.output()).toMatch(
    /^tw-run: the last lines of web\.1:\n {2}\| listening on .*\n {2}\| web\.1 has lost its database\ntw-run: web\.1 exited with code 9 after [\d.]+ s, while the command ran$/m,
  )
  expect(reportIn(app)).toMatchObject({ exitCode: 9, commandExitCode: 143, failed: ['web.1'] })
})

test('a port that is taken: 1, and who has it', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(portAt(11), '127.0.0.1', resolve))
  const { app, run } = pipeline(['echo', 'begun'], { PORTS: String(portAt(0)) })
  const code = await run.ended
  server.close()
  expect(code, run.output()).toBe(1)
  expect(run.output()).toMatch(
    new RegExp(`^tw-run: port ${portAt(11)} of web\\.2 is taken by .*\\(pid ${process.pid}\\)`, 'm'),
  )
  expect(run.output()).not.toMatch(/begun|redis\.1/)
  expect(reportIn(app)).toMatchObject({ exitCode: 1, commandExitCode: null, processes: [] })
})

test('Ctrl-C in the middle: 130', async () => {
  const { app, run } = pipeline(['sh', '-c', 'echo begun; exec sleep 1000'])
  await run.waitFor(/^begun$/m)
  run.signal('SIGINT')
  expect(await run.ended, run.output()).toBe(130)
  expect(run.output()).toMatch(LAST_WORD)
  expect(run.output()).toMatch(/^tw-run: SIGINT while the command ran$/m)
  expect(reportIn(app)).toMatchObject({ exitCode: 130, commandExitCode: 130 })
})

/** The pipeline of the example in a copy of it, with this tw-run on the PATH. */
function pipeline(
  command: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): { app: LiveApp; run: LiveRun } {
  const app = exampleApp('ci')
  const programs = join(app.root, '../bin')
  mkdirSync(programs)
  writeFileSync(join(programs, 'tw-run'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`)
  chmodSync(join(programs, 'tw-run'), 0o755)
  const run = app.startBy(['sh', '-c', 'shift; exec ./pipeline.sh "$@"', 'sh'], command, {
    PATH: `${programs}:${process.env['PATH']}`,
    ...env,
  })
  return { app, run }
}
