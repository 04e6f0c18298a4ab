import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import { done, killSupervisor, pids, rows, running, seen, supervisorOf } from '../support/control.ts'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const SLEEPS = 'web: exec sleep 300\nworker: exec sleep 300\n'

const mounts: string[] = []
/** Before the app's own clean-up, which removes what is mounted on. */
afterEach(() => {
  for (const path of mounts.splice(0)) execFileSync('umount', ['-l', path])
})

const onTmpfs = requires('linux', 'root', 'mount')

/** An app whose state is on a disk of its own, which is small. */
function appOnSmallDisk(): LiveApp {
  const app = liveApp({ Procfile: SLEEPS })
  mkdirSync(app.stateDir, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=700,size=128k', 'none', app.stateDir])
  mounts.push(app.stateDir)
  return app
}

function fill(app: LiveApp): void {
  try {
    writeFileSync(join(app.stateDir, 'filler'), Buffer.alloc(1024 * 1024))
  } catch {
    // As full as it gets.
  }
}

function makeRoom(app: LiveApp): void {
  rmSync(join(app.stateDir, 'filler'))
}

function session(app: LiveApp): unknown {
  return JSON.parse(readFileSync(join(app.state(), 'formation.json'), 'utf8'))
}

onTmpfs('a start that cannot be written down says so, and leaves nothing', async () => {
  const app = appOnSmallDisk()
  const refuses = async (): Promise<void> => {
    for (const args of [
      ['start', '-D', ...PORT],
      ['start', ...PORT],
    ]) {
      expect(await app.cli(args)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^tw-run: cannot write to the state directory \S+: no space left on the disk\n {2}hint: name another/,
        ) as string,
      })
      expect(app.survivors()).toEqual([])
    }
  }
  fill(app)
  await refuses()
  makeRoom(app)
  await done(app, 'start', '-D', ...PORT)
  await done(app, 'stop')
  fill(app)
  await refuses()
  expect(await done(app, 'ps')).toBe('nothing runs here\n')
})

onTmpfs.each([
  ['its supervisor', true, true],
  ['a new supervisor', true, false],
  ['the command itself', false, false],
] as const)(
  'a command that %s cannot write down fails and has changed nothing',
  async (_, isDetached, isSupervised) => {
    const app = appOnSmallDisk()
    const run = isDetached ? undefined : app.start([...PORT, '--restart', 'always'])
    if (isDetached) await done(app, 'start', '-D', ...PORT, '--restart', 'always')
    const before = await running(app, 'web.1', 'worker.1')
    if (!isSupervised) await killSupervisor(app)
    await run?.ended
    const written = session(app)
    fill(app)
    writeFileSync(app.path('Procfile'), `${SLEEPS}clock: exec sleep 300\n`)
    for (const args of [
      ['scale', 'web=2'],
      ['scale', 'worker-1'],
      ['restart'],
      ['restart', 'web.1'],
      ['stop', 'web.1'],
      ['reload'],
    ]) {
      expect(await app.cli(args), args.join(' ')).toEqual({
        code: 1,
        stdout: '',
        stderr: `tw-run: nothing was changed: the state directory cannot be written to\n  hint: make room on the disk of the state directory: tw-run ps --verbose says where it is\n`,
      })
    }
    expect(session(app)).toEqual(written)
    expect(await done(app, 'scale')).toBe('web=1,worker=1\n')
    expect((await rows(app)).map((row) => row.process)).toEqual(['web.1', 'worker.1'])
    expect(pids(app)).toEqual(before)
    makeRoom(app)
    expect(await done(app, 'scale', 'web=2')).toBe('web: 1 -> 2\n')
    expect(seen(app).session?.counts).toMatchObject({ web: 2, worker: 1 })
    await done(app, 'stop')
    expect(app.survivors()).toEqual([])
  },
)

onTmpfs.each([true, false])(
  'on a full disk stop stops everything, and it stays stopped (supervised %s)',
  async (isSupervised) => {
    const app = appOnSmallDisk()
    await done(app, 'start', '-D', ...PORT, '--restart', 'always')
    await running(app, 'web.1', 'worker.1')
    if (!isSupervised) await killSupervisor(app)
    fill(app)
    expect(await done(app, 'stop')).toBe(
      'stopping everything\nnot written down yet, the disk is full: a tw-run killed now would forget it\nall stopped, nothing left running\n',
    )
    expect(app.survivors()).toEqual([])
    // Nobody takes it for one that lost its supervisor.
    expect(seen(app).session?.over ?? true).toBe(true)
    await done(app, 'ps')
    expect(await app.cli(['scale', 'web=2'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing runs here') as string,
    })
    expect(app.survivors()).toEqual([])
    makeRoom(app)
    await done(app, 'start', '-D', ...PORT)
    await running(app, 'web.1', 'worker.1')
    await done(app, 'stop')
  },
)

onTmpfs('what could not be written down is, as soon as there is room', async () => {
  const app = appOnSmallDisk()
  writeFileSync(app.path('Procfile'), `${SLEEPS}stubborn: trap '' TERM; echo deaf; exec sleep 300\n`)
  await done(app, 'start', '-D', '-p', String(portAt(0)), '-t', '60')
  await until('it to be deaf', () => app.runFile('stubborn.1', 'log')?.includes('deaf'))
  const { 'stubborn.1': stubborn } = await running(app, 'web.1', 'worker.1', 'stubborn.1')
  fill(app)
  process.kill(supervisorOf(app), 'SIGTERM')
  await until('the others to be gone', () => Object.keys(pids(app)).join() === 'stubborn.1')
  expect(seen(app).session?.ending).toBeUndefined()
  makeRoom(app)
  await until('its intent to be written', () => seen(app).session?.ending)
  expect(seen(app).session?.ending).toMatchObject({ reason: { kind: 'signal', signal: 'SIGTERM' } })
  kill9(stubborn)
  await until('all of it to be gone', () => app.survivors().length === 0)
})
