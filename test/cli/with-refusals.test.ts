import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
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

/** Puts something in the place where tw-run listens for commands. */
async function deafApp(): Promise<{ app: LiveApp; commands: string; where: string[] }> {
  const app = webApp()
  const where = ports()
  await runWith(app, [...where, '--', 'true'])
  const commands = join(app.state(), 'commands')
  mkdirSync(commands)
  return { app, commands, where }
}

const NOT_LISTENING =
  /^tw-run: cannot listen for commands at \S+\/commands: it is a directory, not a file\n$/m

test('where nobody can listen for commands, that is said, and the command is not begun', async () => {
  const { app, commands, where } = await deafApp()
  const { code, stdout, stderr } = await runWith(app, [...where, ...REPORT, '--', 'echo', 'begun'])
  expect([code, stdout]).toEqual([1, ''])
  expect(app.survivors()).toEqual([])
  expect(stderr).toMatch(NOT_LISTENING)
  expect(reportIn(app).cause).toContain(`cannot listen for commands at ${commands}`)
  rmSync(commands, { recursive: true })
  const run = app.start(where)
  await run.waitFor(/\| listening/)
  expect(run.output()).not.toContain('was killed')
  await endsClean(app, run)
})

test('start refuses it too, and leaves nothing that the next one would carry on', async () => {
  const { app, commands, where } = await deafApp()
  const run = app.start(where)
  expect(await run.ended).toBe(1)
  expect(run.output()).toMatch(NOT_LISTENING)
  expect(run.output()).not.toContain('| listening')
  rmSync(commands, { recursive: true })
  const next = app.start(where)
  await next.waitFor(/\| listening/)
  expect(next.output()).not.toContain('was killed')
  await endsClean(app, next)
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
