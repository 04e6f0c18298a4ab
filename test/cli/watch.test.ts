import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { missingOf } from '../../src/cli/waiting.ts'
import { done, isAlive, killSupervisor, pids, running, seen, supervisors } from '../support/control.ts'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp, LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const PROCFILE = 'web: exec sleep 300\nworker: exec sleep 300\nclock: exec sleep 300\n'
const WATCH = {
  'tw-run': {
    web: { watch: ['src/web/**/*.js', 'shared/*', '!shared/*.md'] },
    worker: { watch: ['src/worker/**', 'shared/*.js'] },
  },
}

function watchingApp(appJson: object = WATCH): LiveApp {
  return liveApp({
    Procfile: PROCFILE,
    'app.json': JSON.stringify(appJson),
    'src/web/a.js': '1',
    'src/worker/b.py': '1',
    'shared/c.js': '1',
    'other/d.js': '1',
    'src/web/node_modules/e.js': '1',
  })
}

/** How many runs of each type have been. */
function runs(app: LiveApp): Record<string, number> {
  return Object.fromEntries(
    seen(app)
      .slots.runs()
      .map(({ id, number }) => [id, number]),
  )
}

/** A change is seen from when on the folders have been looked through: until then it is made again and again. */
async function watching(app: LiveApp, said: () => string): Promise<void> {
  const write = nowAndThen()
  await until('a change to be seen', () => {
    write((text) => {
      writeFileSync(app.path('src/web/warm.js'), text)
      writeFileSync(app.path('src/worker/warm'), text)
    })
    const { 'web.1': web = 0, 'worker.1': worker = 0 } = runs(app)
    return web > 1 && worker > 1
  })
  await quiet(app, said)
}

/** Writes with pauses that are longer than a burst. */
function nowAndThen(): (write: (text: string) => void) => void {
  let last = -Infinity
  return (write) => {
    if (performance.now() < last + 500) return
    last = performance.now()
    write(String(last))
  }
}

/**
 * Nothing is on its way: a marker's own restart has been, alone or with what came before it, after which every earlier
 * change would have been seen. To count restarts is not enough: the next one may be of an earlier change.
 */
async function quiet(app: LiveApp, said: () => string): Promise<void> {
  const known = said().length
  const marker = String(performance.now())
  writeFileSync(app.path('src/web/marker.js'), marker)
  writeFileSync(app.path('src/worker/marker'), marker)
  const isSaid = (type: string): boolean =>
    new RegExp(`(/marker\\S*|and \\d+ more) changed: restarting ${type}\n`).test(said().slice(known))
  await until(
    () => `the marker to be seen, instead of ${said().slice(known)}`,
    () => isSaid('web') && isSaid('worker') && missingOf(seen(app), 'up').missing.length === 0,
  )
}

async function started(app: LiveApp, port: string): Promise<LiveRun> {
  const run = app.start(['-p', port, '-t', '1'])
  await until('the state', () => run.output().includes('web.1 on'))
  await running(app, 'web.1', 'worker.1', 'clock.1')
  await watching(app, () => run.output())
  return run
}

async function stopped(app: LiveApp): Promise<void> {
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  // A supervisor that came too late has yet to find that out.
  await until('nobody to be left', () => app.survivors().length === 0)
}

test('a change restarts exactly the types whose files it is, once per burst, and says which', async () => {
  const app = watchingApp()
  const run = await started(app, String(portAt(0)))
  const before = runs(app)
  for (let index = 0; index < 200; index += 1) writeFileSync(app.path('src/web/a.js'), String(index))
  for (let index = 0; index < 50; index += 1) writeFileSync(app.path(`src/web/new${index}.js`), '1')
  await until('another web', () => runs(app)['web.1'] === (before['web.1'] ?? 0) + 1)
  expect(runs(app)).toEqual({ ...before, 'web.1': (before['web.1'] ?? 0) + 1 })
  const said = run.lines().filter((line) => line.endsWith('changed: restarting web'))
  expect(said.at(-1)).toMatch(/system +\| src\/web\/(a|new\d+)\.js( and \d+ more)? changed: restarting web$/)

  writeFileSync(app.path('shared/c.js'), '2')
  await run.waitFor(/system +\| shared\/c\.js changed: restarting worker\n/)
  await until('both', () => {
    const now = runs(app)
    return now['web.1'] === (before['web.1'] ?? 0) + 2 && now['worker.1'] === (before['worker.1'] ?? 0) + 1
  })
  expect(runs(app)['clock.1']).toBe(1)
  await stopped(app)
  expect(await run.ended).toBe(0)
})

test('an editor that replaces a file, a removal and a new folder count; what no glob names does not', async () => {
  const app = watchingApp()
  const run = await started(app, String(portAt(10)))
  const changed = async (what: () => void, says: RegExp): Promise<void> => {
    const { 'web.1': before = 0 } = runs(app)
    what()
    await run.waitFor(says)
    await until('another run', () => (runs(app)['web.1'] ?? 0) === before + 1)
  }
  writeFileSync(app.path('a.tmp'), '3')
  await changed(() => renameSync(app.path('a.tmp'), app.path('src/web/a.js')), /src\/web\/a\.js changed/)
  await changed(() => rmSync(app.path('src/web/warm.js')), /src\/web\/warm\.js changed/)
  await changed(() => {
    mkdirSync(app.path('src/web/deep/er'), { recursive: true })
    writeFileSync(app.path('src/web/deep/er/f.js'), '1')
  }, /src\/web\/deep\/er\/f\.js changed/)
  const before = runs(app)
  writeFileSync(app.path('other/d.js'), '2')
  writeFileSync(app.path('src/web/a.css'), '2')
  writeFileSync(app.path('shared/read.md'), '2')
  writeFileSync(app.path('src/web/node_modules/e.js'), '2')
  await quiet(app, () => run.output())
  const now = runs(app)
  expect(now).toEqual({
    'web.1': (before['web.1'] ?? 0) + 1,
    'worker.1': (before['worker.1'] ?? 0) + 1,
    'clock.1': 1,
  })
  await stopped(app)
  await run.ended
})

test('what was killed over a change is carried on: the restart was on disk before it began', async () => {
  const app = watchingApp()
  await done(app, 'start', '-D', '-p', String(portAt(20)), '-t', '1')
  const text = (): string => readFileSync(join(app.state(), 'supervisor.log'), 'utf8')
  await watching(app, text)
  const { 'web.1': web = -1 } = pids(app)
  const { 'web.1': before = 0 } = runs(app)
  const log = (): string[] =>
    text()
      .split('\n')
      .filter((line) => line.includes('restarting web'))
  const said = log().length
  writeFileSync(app.path('src/web/a.js'), '2')
  await until('the change', () => log().length > said)
  await killSupervisor(app)
  await done(app, 'ps')
  await until('another supervisor', () => supervisors(app).length === 1)
  await until('another web', () => !isAlive(web) && pids(app)['web.1'] !== undefined)
  // One run more, or two where the kill came between the name of the first and its start; and no other restart.
  expect([before + 1, before + 2]).toContain(runs(app)['web.1'])
  expect(log().length).toBe(said + 1)
  await stopped(app)
})

test('a reload takes edited globs in, and without any nothing is watched', async () => {
  const app = watchingApp()
  const run = await started(app, String(portAt(30)))
  writeFileSync(app.path('app.json'), JSON.stringify({ 'tw-run': { clock: { watch: ['other/**'] } } }))
  expect(await done(app, 'reload')).toBe('app.json: changed\n')
  const before = runs(app)
  const write = nowAndThen()
  await until('the clock to follow', () => {
    write((text) => {
      writeFileSync(app.path('other/d.js'), text)
      writeFileSync(app.path('src/web/a.js'), text)
    })
    return (runs(app)['clock.1'] ?? 0) > 1
  })
  expect(runs(app)['web.1']).toBe(before['web.1'])
  await stopped(app)
  await run.ended
})
