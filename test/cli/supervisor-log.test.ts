import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { done, isAlive, running, supervisorOf } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const PROCFILE = 'web: exec sleep 300\n'
/** Longer than a supervisor lets its log be. */
const LONG = 1_100_000

const mounts: string[] = []
/** Before the app's own clean-up, which removes what is mounted on. */
afterEach(() => {
  for (const path of mounts.splice(0)) execFileSync('umount', ['-l', path])
})

const log = (app: LiveApp): string => join(app.state(), 'supervisor.log')

/** What months of restarts would have it say. */
function talkFor(app: LiveApp, mark: string): void {
  appendFileSync(log(app), `${`${mark} web.1 ended: starting again\n`.repeat(LONG / 30).slice(0, LONG)}\n`)
}

test('the log of a supervisor is bounded: the last stretch is kept, and the one before', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  const supervisor = supervisorOf(app)
  await running(app, 'web.1')
  expect(existsSync(`${log(app)}.old`)).toBe(false)
  for (const mark of ['first', 'second', 'third']) {
    talkFor(app, mark)
    // The wait before a third restart in a row is none of this test's.
    await done(app, 'restart', 'web')
    await until('it to be shortened', () => statSync(log(app)).size < 10_000)
    await until('it to go on', () => /^\d{4}-\d\d-\d\dT\S+Z web\.1 /.test(readFileSync(log(app), 'utf8')))
    const old = readFileSync(`${log(app)}.old`, 'utf8')
    expect(old.length).toBeGreaterThan(LONG)
    expect(old.length).toBeLessThan(LONG + 10_000)
    expect(old).toContain(`${mark} web.1 ended`)
  }
  expect(isAlive(supervisor)).toBe(true)
  await done(app, 'stop')
  expect(readFileSync(log(app), 'utf8')).toMatch(/all stopped, nothing left running \(tw-run stop\)\n$/)
  expect(app.survivors()).toEqual([])
})

requires(
  'linux',
  'root',
  'mount',
)('the log of a supervisor is shortened also where there is no room to keep the old one', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  mkdirSync(app.stateDir, { mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=700,size=2m', 'none', app.stateDir])
  mounts.push(app.stateDir)
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  await running(app, 'web.1')
  talkFor(app, 'only')
  try {
    writeFileSync(join(app.stateDir, 'filler'), Buffer.alloc(2 * 1024 * 1024))
  } catch {
    // As full as it gets.
  }
  const { 'web.1': pid } = await running(app, 'web.1')
  kill9(pid)
  // What it was on the disk is what the new process needs there.
  await until('it to be shortened', () => statSync(log(app)).size < 10_000)
  await until('it to be there again', () =>
    new RegExp(String.raw`web\.1 on ${portAt(0)}\n`).test(readFileSync(log(app), 'utf8')),
  )
  expect(existsSync(`${log(app)}.old`)).toBe(false)
  expect(existsSync(`${log(app)}.old.next`)).toBe(false)
  await done(app, 'stop')
  expect(app.survivors()).toEqual([])
})
