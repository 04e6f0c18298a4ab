import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { done, killSupervisor, pids, running } from '../support/control.ts'
import { liveApp } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const PROCFILE = 'web: exec sleep 300\n'
const NOBODY = 65_534
const REPOSITORY = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
/** Everything that looks at a formation, or changes it. */
const COMMANDS = [
  ['ps'],
  ['ps', '--json'],
  ['scale'],
  ['scale', 'web=2'],
  ['restart'],
  ['restart', '--rolling'],
  ['reload'],
  ['logs'],
  ['logs', '-f'],
  ['stop', 'web'],
  ['stop'],
  ['start', ...PORT],
  ['start', '-D', ...PORT],
]

const mounts: string[] = []
/** Before the app's own clean-up, which removes what is mounted on. */
function unmount(): void {
  for (const path of mounts.splice(0)) execFileSync('umount', ['-l', path])
}
afterEach(unmount)

/** An app that every user can get at; its state directory is not there yet. */
function openApp(): LiveApp {
  const app = liveApp({ Procfile: PROCFILE })
  chmodSync(dirname(app.root), 0o755)
  chmodSync(join(app.root, '..', 'tmp'), 0o1777)
  mkdirSync(app.path('repository'))
  return app
}

/** The clone itself may be where only root can go: the other user gets at it by a mount of its own. */
const AS_NOBODY = `repository=$0 at=$1; shift 2
mount --bind "$repository" "$at"
exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups '${process.execPath}' "$at/dist/cli/tw-run.cjs" "$@"`

/** tw-run as another user says this. */
async function asNobody(
  app: LiveApp,
  args: readonly string[],
  home = '/nonexistent',
): Promise<{ code: number | string; text: string }> {
  const run = app.startBy(
    ['unshare', '--mount', 'sh', '-ec', AS_NOBODY, REPOSITORY, app.path('repository')],
    args,
    { HOME: home, XDG_CACHE_HOME: '' },
  )
  return { code: await run.ended, text: run.output() }
}

const asRoot = requires('linux', 'root', 'mount', 'unshare', 'setpriv')

asRoot(
  'a home behind a folder that one may not enter costs no more than what would be kept there',
  async () => {
    const app = openApp()
    const home = app.path('locked/home')
    mkdirSync(home, { recursive: true })
    chmodSync(dirname(home), 0o700)
    const { code, text } = await asNobody(app, ['check'], home)
    expect(text).not.toMatch(/EACCES|Error/)
    expect(code, text).toBe(0)
  },
)

describe('a state directory', () => {
  asRoot(
    'of another user is refused by every command, and what runs there is left alone',
    { timeout: 60_000 },
    async () => {
      const app = openApp()
      await done(app, 'start', '-D', ...PORT)
      const before = await running(app, 'web.1')
      const said = await Promise.all(COMMANDS.map(async (args) => [args, await asNobody(app, args)] as const))
      for (const [args, { code, text }] of said) {
        expect(text, args.join(' ')).toContain(
          `tw-run: the state directory ${app.stateDir} belongs to another user (uid 0)\n  hint: name another place`,
        )
        expect(code, args.join(' ')).toBe(1)
      }
      expect((await asNobody(app, ['complete', '--', 'tw-run', 'stop', ''])).text).not.toContain('web')
      expect(pids(app)).toEqual(before)
      await done(app, 'stop')
      expect(app.survivors()).toEqual([])
    },
  )

  asRoot.for([
    ['it', (app: LiveApp) => app.stateDir],
    ['the place of the app in it', (app: LiveApp) => app.state()],
  ] as const)(
    'is refused where its owner may not read it (mode 000 of %s)',
    { timeout: 60_000 },
    async ([, pathOf]) => {
      const app = openApp()
      mkdirSync(app.stateDir, { mode: 0o700 })
      chownSync(app.stateDir, NOBODY, NOBODY)
      expect(await asNobody(app, ['start', '-D', ...PORT])).toMatchObject({ code: 0 })
      expect(await asNobody(app, ['stop'])).toMatchObject({ code: 0 })
      const path = pathOf(app)
      chmodSync(path, 0)
      const said = await Promise.all(COMMANDS.map(async (args) => [args, await asNobody(app, args)] as const))
      for (const [args, { code, text }] of said) {
        expect(text, args.join(' ')).toContain(
          `tw-run: cannot read the state directory ${path}: permission denied\n  hint: chmod u+rwx '${path}'`,
        )
        expect(code, args.join(' ')).toBe(1)
      }
      expect(app.survivors()).toEqual([])
    },
  )

  asRoot('that its user may not make is named, and nothing runs', async () => {
    const app = openApp()
    for (const args of [
      ['start', ...PORT],
      ['start', '-D', ...PORT],
    ]) {
      const { code, text } = await asNobody(app, args)
      expect(text).toMatch(
        /^tw-run: cannot make the state directory \S+: permission denied\n {2}hint: name another place/,
      )
      expect(code).toBe(1)
    }
    expect(app.survivors()).toEqual([])
  })

  asRoot('on a read-only file system: start says so and leaves nothing, ps looks', async () => {
    const app = liveApp({ Procfile: PROCFILE })
    const setReadOnly = (): void => {
      execFileSync('mount', ['--bind', app.stateDir, app.stateDir])
      mounts.push(app.stateDir)
      execFileSync('mount', ['-o', 'remount,bind,ro', app.stateDir])
    }
    mkdirSync(app.stateDir, { mode: 0o700 })
    setReadOnly()
    const refuses = async (what: string): Promise<void> => {
      for (const args of [
        ['start', ...PORT],
        ['start', '-D', ...PORT],
      ]) {
        const { code, stderr } = await app.cli(args)
        expect(stderr).toContain(`tw-run: cannot ${what} the state directory ${app.stateDir}`)
        expect(stderr).toContain(
          ': the file system is read-only\n  hint: name another place with --state-dir',
        )
        expect(code).toBe(1)
      }
      expect(app.survivors()).toEqual([])
    }
    await refuses('make')
    unmount()
    await done(app, 'start', '-D', ...PORT)
    await done(app, 'stop')
    setReadOnly()
    await refuses('write to')
    // What lost its supervisor can be seen; nobody can supervise it.
    unmount()
    await done(app, 'start', '-D', ...PORT)
    const before = await running(app, 'web.1')
    await killSupervisor(app)
    setReadOnly()
    expect(await done(app, 'ps')).toMatch(/^web\.1 +(up|ready) /m)
    const scaled = await app.cli(['scale', 'web=2'])
    expect(scaled).toMatchObject({ code: 1, stdout: '' })
    expect(scaled.stderr).toMatch(
      /^tw-run: cannot write to the state directory \S+: the file system is read-only\n/,
    )
    expect(pids(app)).toEqual(before)
    unmount()
    await done(app, 'stop')
    expect(app.survivors()).toEqual([])
  })
})

test('a state directory that is a file is named', async () => {
  const app = liveApp({ Procfile: PROCFILE, file: '' })
  for (const args of COMMANDS) {
    const { code, stderr } = await app.cli(args, { TW_RUN_STATE_DIR: app.path('file') })
    expect(stderr, args.join(' ')).toContain(
      `tw-run: the state directory ${app.path('file')} is no directory`,
    )
    expect(code).toBe(1)
  }
  rmSync(join(app.root, 'file'))
})
