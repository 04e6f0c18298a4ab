import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { ProcessStatus } from '../../src/core/status.ts'
import { isAlive, done } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const START = ['start', '-D', '-p', String(portAt(0)), '-t', '1']

/** An app in a folder that can go while tw-run is asked from outside. */
function siteApp(): LiveApp {
  return liveApp({ 'site/Procfile': 'web: echo hi; exec sleep 300\n' })
}

async function rowsOf(app: LiveApp, site: string): Promise<ProcessStatus[]> {
  return JSON.parse(await done(app, 'ps', '--json', '-d', site)) as ProcessStatus[]
}

/** Its supervisor's pid, and those of its commands. */
async function pidsOf(app: LiveApp, site: string): Promise<number[]> {
  const text = await done(app, 'ps', '--verbose', '-d', site)
  const pids = (await rowsOf(app, site)).flatMap(({ pid }) => pid ?? [])
  return [Number(/^supervisor: (\d+)$/m.exec(text)?.[1]), ...pids]
}

test('what runs in a folder that was removed can be seen, and stopped', async () => {
  const app = siteApp()
  await done(app, ...START, '-d', 'site')
  const pids = await pidsOf(app, 'site')
  rmSync(app.path('site'), { recursive: true })
  expect(await pidsOf(app, 'site')).toEqual(pids)
  expect(await done(app, 'logs', '-d', 'site', '--no-prefix', '--no-timestamps')).toBe('hi\n')
  expect(await done(app, 'scale', '-d', app.path('site'))).toBe('web=1\n')
  const refused = {
    code: 2,
    stderr: `tw-run: cannot use ${app.path('site')} as the root: there is no such folder\n  hint: name the folder of the app with -d <folder>\n`,
  }
  for (const [command = '', ...args] of [START, ['start'], ['run', 'web'], ['check'], ['env']])
    expect(await app.cli([command, '-d', 'site', ...args]), command).toMatchObject(refused)
  expect(await done(app, 'stop', '-d', 'site')).toContain('all stopped, nothing left running')
  expect(pids.filter((pid) => isAlive(pid))).toEqual([])
  expect(app.survivors()).toEqual([])
})

test('a folder where nothing was ever started is refused as before', async () => {
  const app = siteApp()
  symlinkSync('loop', app.path('loop'))
  expect(await app.cli(['ps', '-d', 'loop'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^tw-run: cannot use \/.*\/loop as the root: /) as string,
  })
  for (const command of ['ps', 'stop', 'logs', 'scale', 'restart', 'start'])
    expect(await app.cli([command, '-d', 'sight']), command).toMatchObject({
      code: 2,
      stderr: `tw-run: cannot use ${app.path('sight')} as the root: there is no such folder\n  hint: name the folder of the app with -d <folder>\n`,
    })
})

test('a removed folder is found by every way that led to it, and so is a link to it', async () => {
  const app = siteApp()
  mkdirSync(app.path('real'))
  renameSync(app.path('site'), app.path('real/site'))
  symlinkSync('real', app.path('way'))
  symlinkSync('way/site', app.path('link'))
  await done(app, ...START, '-d', 'link')
  const pids = await pidsOf(app, 'real/site')
  rmSync(app.path('real/site'), { recursive: true })
  for (const way of ['link', 'way/site', 'real/site', 'way/../real/site/.'])
    expect(await pidsOf(app, way), way).toEqual(pids)
  rmSync(app.path('real'), { recursive: true })
  expect(await done(app, 'stop', '-d', 'way/site')).toContain('all stopped, nothing left running')
  expect(app.survivors()).toEqual([])
})

test('its supervisor may be dead, too', async () => {
  const app = siteApp()
  await done(app, ...START, '-d', 'site')
  const [supervisor = 0, web = 0] = await pidsOf(app, 'site')
  kill9(supervisor)
  await until('it to be gone', () => !isAlive(supervisor))
  rmSync(app.path('site'), { recursive: true })
  expect((await rowsOf(app, 'site')).map(({ pid }) => pid)).toEqual([web])
  expect(await done(app, 'stop', '-d', 'site')).toContain('all stopped, nothing left running')
  expect(isAlive(web)).toBe(false)
  await until('no supervisor', () => app.survivors().length === 0)
})

/** tw-run in the folder of the app, which is gone by then. */
async function inside(app: LiveApp, script: string, ...args: readonly string[]): Promise<[unknown, string]> {
  const run = app.startBy(['sh', '-c', `cd site && rm -r ../site && ${script} node "$0" "$@"`], args)
  return [await run.ended, run.output()]
}

test('in the folder that was removed the shell says where it was', async () => {
  const app = siteApp()
  await done(app, ...START, '-d', 'site')
  const pids = await pidsOf(app, 'site')
  const [code, said] = await inside(app, 'exec', 'ps')
  expect(said).toContain(`web.1    up     ${pids[1]}`)
  expect(code).toBe(0)
  mkdirSync(app.path('site'))
  const [failed, refusal] = await inside(app, 'exec', ...START)
  expect(refusal).toMatch(/^tw-run: the current folder cannot be used: there is no such file/)
  expect(failed).toBe(2)
  mkdirSync(app.path('site'))
  expect(await inside(app, 'exec', 'stop')).toEqual([
    0,
    'stopping everything\nall stopped, nothing left running\n',
  ])
  expect(app.survivors()).toEqual([])
})

test.each([
  ['nothing', 'exec env -u PWD'],
  ['no absolute path', 'PWD=site exec'],
  // Of who changed the folder and has not said so.
  ['another folder', 'PWD="$(dirname "$OLDPWD")" exec'],
])('where the shell says %s, the folder has to be named', async (_, script) => {
  const app = siteApp()
  await done(app, ...START, '-d', 'site')
  const place = realpathSync(app.path('site'))
  expect(await inside(app, script, 'stop')).toEqual([
    2,
    'tw-run: the current folder cannot be used: there is no such file\n  hint: it may have been removed: change to another one, or name the one where the app was: tw-run stop -d <path>\n',
  ])
  mkdirSync(place)
  writeFileSync(`${place}/Procfile`, '')
  const [code, said] = await inside(app, script, 'stop', '-d', place)
  expect(said).toContain('all stopped, nothing left running')
  expect(code).toBe(0)
  expect(existsSync(place)).toBe(false)
  expect(app.survivors()).toEqual([])
})
