import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { endsClean } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { portsFrom, reportIn, runWith, webApp } from '../support/with.ts'

const test = requires('linux')
let nextPort = portAt(0)
const ports = (): string[] => portsFrom((nextPort += 5))
const REPORT = ['--report', 'report.json']

/** Where tw-run listens for commands, as its TMPDIR has it. */
function controlFolder(app: LiveApp): string {
  return join(app.root, '..', 'tmp', `tw-run-${process.getuid?.()}`)
}

test.for([
  ['at ports that were named', ports()],
  ['at ports of its own', ['--port', 'auto']],
] as const)(
  'a control folder that others can look into is refused before anything is begun, %s',
  async ([, where]) => {
    const app = webApp()
    const folder = controlFolder(app)
    mkdirSync(folder)
    chmodSync(folder, 0o755)
    const args = [...where, ...REPORT, '--', 'echo', 'begun']
    const { code, stdout, stderr } = await runWith(app, args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.replace(/^tw-run: ports from \d+\n/, '')).toBe(
      `tw-run: ${folder} is not a folder of yours alone\n  hint: remove it\n`,
    )
    expect(reportIn(app).cause).toBe(`${folder} is not a folder of yours alone`)
    rmSync(folder, { recursive: true })
    const run = app.start(ports())
    await run.waitFor(/\| listening/)
    expect(run.output()).not.toContain('was killed')
    await endsClean(app, run)
  },
)

test('start refuses it too, and leaves nothing that the next one would carry on', async () => {
  const app = webApp()
  mkdirSync(controlFolder(app))
  chmodSync(controlFolder(app), 0o755)
  const run = app.start(ports())
  expect(await run.ended).toBe(1)
  expect(run.output()).toContain('is not a folder of yours alone\n  hint: remove it\n')
  expect(existsSync(join(app.state(), 'formation.json'))).toBe(false)
})

test('a socket that cannot be made is said, and the command is not begun', async () => {
  const app = webApp()
  const where = ports()
  await runWith(app, [...where, '--', 'true'])
  const socket = readFileSync(join(app.state(), 'socket'), 'utf8').trimEnd()
  mkdirSync(socket)
  const { code, stdout, stderr } = await runWith(app, [...where, '--', 'echo', 'begun'])
  expect([code, stdout]).toEqual([1, ''])
  expect(app.survivors()).toEqual([])
  expect(stderr).toMatch(
    /^tw-run: cannot listen for commands at \S+\.sock: .*directory.*\n {2}hint: .*TMPDIR.*\n$/,
  )
  rmSync(socket, { recursive: true })
  const run = app.start(where)
  await run.waitFor(/\| listening/)
  expect(run.output()).not.toContain('was killed')
  await endsClean(app, run)
})

test.for([
  ['with', 'name one: tw-run with -- <command>'],
  ['prove', 'name one: tw-run prove -- <test command>'],
] as const)(
  '%s without a command, such as an unset variable, is refused before anything starts',
  async ([verb, hint]) => {
    const app = webApp({ Procfile: 'web: touch started; exec node web.js\n' })
    for (const word of ['', ' ']) {
      const { code, stdout, stderr } = await app.cli([verb, ...ports(), ...REPORT, '--', word, 'more'])
      expect([code, stdout, stderr]).toEqual([
        2,
        '',
        `tw-run: no command was given: the first word is empty\n  hint: ${hint}\n`,
      ])
    }
    expect(existsSync(app.path('started'))).toBe(false)
    const report = readFileSync(app.path('report.json'), 'utf8')
    expect(report).toMatch(/"cause": "no command was given: the first word is empty"/)
  },
)
