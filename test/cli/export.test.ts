import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/exporters/index.ts'
import { portAt } from '../support/ports.ts'
import { makeApp } from '../support/rig.ts'
import type { TestApp } from '../support/rig.ts'

const apps: TestApp[] = []
afterEach(() => {
  for (const app of apps.splice(0)) app.cleanup()
})

const SECRET = 'swordfish-1'

function shop(more: Readonly<Record<string, string>> = {}): TestApp {
  const app = makeApp({
    Procfile: 'web: node web.js\nworker: node worker.js\nrelease: node migrate.js\n',
    '.env': `SECRET=${SECRET}\nPORT=${portAt(0)}\n`,
    ...more,
  })
  apps.push(app)
  return app
}

const modeOf = (path: string): number => statSync(path).mode & 0o777

test.each([...FORMATS.keys()])(
  '%s: no value of the environment is printed before it is asked for',
  async (format) => {
    const app = shop()
    const args = ['export', format, '-', '--image', 'registry/shop:1']
    const hidden = await app.cli(args)
    expect(hidden.code).toBe(0)
    expect(hidden.stdout + hidden.stderr).not.toContain(SECRET)
    expect(hidden.stdout).toContain('SECRET')
    expect(hidden.stderr).toContain(
      'note: values of the environment are hidden; print them with --show-values\n',
    )
    const { stdout } = await app.cli([...args, '--show-values'])
    // A Secret of Kubernetes may have it in base 64.
    expect([stdout.includes(SECRET), stdout.includes(Buffer.from(SECRET).toString('base64'))]).toContain(true)
  },
)

test.each([...FORMATS.keys()])('%s: a file with the environment is for its owner alone', async (format) => {
  const app = shop()
  const { code, stdout } = await app.cli(['export', format, 'out', '--image', 'registry/shop:1'])
  expect(code).toBe(0)
  expect(stdout).not.toContain(SECRET)
  const files = stdout.split('\n').flatMap((line) => /^create {2}(\d{4}) {2}(.*)$/.exec(line)?.slice(1) ?? [])
  expect(files.length).toBeGreaterThan(0)
  for (let at = 0; at < files.length; at += 2) {
    const [mode = '', path = ''] = files.slice(at)
    expect(modeOf(path)).toBe(Number.parseInt(mode, 8))
    const text = readFileSync(path, 'utf8')
    const isSecret = text.includes(SECRET) || text.includes(Buffer.from(SECRET).toString('base64'))
    expect(modeOf(path) & (isSecret ? 0o077 : 0o022), path).toBe(0)
  }
})

test('--dry-run says what would be written and whether it would overwrite, and writes nothing', async () => {
  const app = shop()
  const dry = ['export', 'systemd', 'out', '--app', 'shop', '--dry-run']
  const first = await app.cli(dry)
  expect(first.code).toBe(0)
  expect(first.stdout).toBe(
    [
      `create  0644  ${app.path('out')}/shop.target`,
      `create  0644  ${app.path('out')}/shop-web@.service`,
      `create  0644  ${app.path('out')}/shop-worker@.service`,
      `create  0600  ${app.path('out')}/shop.env`,
      '',
    ].join('\n'),
  )
  expect(existsSync(app.path('out'))).toBe(false)
  await app.cli(dry.slice(0, -1))
  writeFileSync(app.path('out/shop.target'), '[Unit]\n')
  const second = await app.cli([...dry, '-m', 'web=1', '-p', String(portAt(10))])
  expect(second.stdout.split('\n').map((line) => line.split(/ {2,}/)[0])).toEqual([
    'refuse',
    'overwrite',
    'overwrite',
    'keep',
    '',
  ])
  expect(readFileSync(app.path('out/shop.target'), 'utf8')).toBe('[Unit]\n')
  const { code, stderr } = await app.cli(dry.slice(0, -1))
  expect([second.code, second.stderr]).toEqual([code, stderr])
  expect([code, (await app.cli([...dry, '--force'])).code]).toEqual([1, 0])
})

test('what tw-run did not write is not overwritten, and then nothing is, unless --force', async () => {
  const app = shop()
  mkdirSync(app.path('out'))
  writeFileSync(app.path('out/shop.env'), 'mine\n')
  const args = ['export', 'systemd', 'out', '--app', 'shop']
  const refused = await app.cli(args)
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toBe(
    `tw-run: ${app.path('out/shop.env')}: not made by tw-run, so it is not overwritten\n` +
      '  hint: export to another folder, or overwrite it with --force\n',
  )
  expect(existsSync(app.path('out/shop.target'))).toBe(false)
  expect((await app.cli([...args, '--force'])).code).toBe(0)
  expect(readFileSync(app.path('out/shop.env'), 'utf8')).toContain(SECRET)
  expect(modeOf(app.path('out/shop.env'))).toBe(0o600)
})

describe('what an earlier export made and this one does not', () => {
  const WORKER: Readonly<Record<string, readonly string[]>> = {
    systemd: ['a-worker@.service'],
    'systemd-user': ['a-worker@.service'],
    launchd: ['a.web.2.plist', 'a.worker.1.plist'],
    runit: ['a-web-2', 'a-worker-1'],
    s6: ['a-web-2', 'a-worker-1'],
    kubernetes: ['release.yaml'],
  }

  test.each([...FORMATS.keys()])('%s: is named, with what removes it, and left there', async (format) => {
    const app = shop()
    const args = ['export', format, 'out', '--app', 'a', '--image', 'registry/shop:1']
    const first = await app.cli([...args, '-m', 'web=2'])
    expect(first.stderr).not.toContain('earlier')
    // Of another app, of nobody, and a folder without anything in it.
    await app.cli(['export', format, 'out', '--app', 'ab', '--image', 'registry/shop:1', '--force'])
    await app.cli([...args, '-m', 'web=2', '--force'])
    writeFileSync(app.path('out/a-mine.service'), '[Unit]\n')
    mkdirSync(app.path('out/a-web-9'))
    writeFileSync(app.path('Procfile'), 'web: node web.js\n')
    const left = WORKER[format] ?? []
    for (const more of [['--dry-run'], []]) {
      const { code, stderr } = await app.cli([...args, ...more])
      expect(code).toBe(0)
      const paths = left.map((name) => app.path(`out/${name}`)).join(' ')
      const note = `note: left from an earlier export, no part of a any more, and still run by what runs this folder: ${left.join(', ')}; remove with: rm -r ${paths}`
      expect(stderr.split('\n').filter((line) => line.includes('earlier'))).toEqual(
        left.length === 0 ? [] : [note],
      )
    }
    for (const name of left) expect(existsSync(app.path(`out/${name}`)), name).toBe(true)
    for (const name of left) rmSync(app.path(`out/${name}`), { recursive: true })
    expect((await app.cli(args)).stderr).not.toContain('earlier')
  })

  test('a path that a shell would take apart is quoted', async () => {
    const app = shop()
    const args = ['export', 'runit', "it's out", '--app', 'a']
    await app.cli([...args, '-m', 'web=2'])
    const { stderr } = await app.cli(args)
    const command = /rm -r (.*)\n/.exec(stderr)?.[0] ?? 'false'
    expect(spawnSync('/bin/sh', ['-c', command]).status).toBe(0)
    expect(readdirSync(app.path("it's out")).toSorted()).toEqual(['a-web-1', 'a-worker-1'])
  })
})

test('exporting again takes in what changed, also a mode', async () => {
  const app = shop()
  const args = ['export', 'compose', 'out', '--image', 'i:1']
  await app.cli(args)
  chmodSync(app.path('out/compose.yaml'), 0o644)
  expect((await app.cli(args)).stdout).toContain(`overwrite  0600  ${app.path('out/compose.yaml')}\n`)
  expect(modeOf(app.path('out/compose.yaml'))).toBe(0o600)
  expect((await app.cli(args)).stdout).toContain(`keep  0600  `)
})

test('the environment is that of the files: nothing of the shell, and nothing of one process', async () => {
  const app = shop()
  const { stdout } = await app.cli(['export', 'launchd', '--show-values'], {
    SHELL_ONLY: 'secret',
    PORT: String(portAt(50)),
  })
  expect(stdout).not.toContain('SHELL_ONLY')
  expect([...stdout.matchAll(/<key>PORT<\/key>\s*<string>(\d+)/g)].map(([, port]) => port)).toEqual([
    String(portAt(50)),
    String(portAt(150)),
  ])
})

test('ports, policies and grace periods come from the options of start', async () => {
  const app = shop()
  const restart = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await app.cli(['export', 'systemd', ...args])
    return [
      ...new Set(
        [...stdout.matchAll(/^(?:Restart|StartLimit\w+|TimeoutStopSec)=.*/gm)].map(([line]) => line),
      ),
    ]
  }
  expect(await restart()).toEqual(['StartLimitIntervalSec=0', 'Restart=always', 'TimeoutStopSec=5000ms'])
  expect(await restart('--restart', 'no', '-t', '0')).toEqual([
    'StartLimitIntervalSec=0',
    'Restart=no',
    'TimeoutStopSec=1ms',
  ])
  expect(await restart('--restart', 'on-failure:2', '-t', '1.5')).toEqual([
    'StartLimitIntervalSec=183',
    'StartLimitBurst=3',
    'Restart=on-failure',
    'TimeoutStopSec=1500ms',
  ])
})

test('the user: --user, else who calls sudo; a stage is no service', async () => {
  const app = shop()
  const users = async (args: readonly string[], env = {}): Promise<string[]> => {
    const { stdout, stderr } = await app.cli(['export', 'systemd', ...args], env)
    expect(stderr).toContain('note: left out, since stages are no services: release\n')
    expect(stdout).not.toContain('migrate')
    return [...stdout.matchAll(/^User=(.*)/gm)].map(([, user = '']) => user)
  }
  expect(await users(['--user', 'deploy'])).toEqual(['deploy', 'deploy'])
  const own = process.getuid?.() === 0 ? 'ann' : process.env['USER']
  expect(await users([], { SUDO_USER: 'ann' })).toEqual([own, own])
})

test.each([
  [['sytemd'], 'unknown format "sytemd"', 'did you mean "systemd"?'],
  [['systemd', '--app', 'a/b'], '--app: "a/b" cannot name files and services', 'use letters'],
  [['systemd', '--user', 'a b'], '--user: "a b" is no name of a user', 'name a user'],
  [['systemd', '-m', 'web=0,worker=0'], 'nothing to run', 'give it one'],
])('wrong usage: %j', async (args, message, hint) => {
  const { code, stdout, stderr } = await shop().cli(['export', ...args])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(message)
  expect(stderr).toContain(hint)
})

test('a variable that no shell could have is named, not lost in silence', async () => {
  const { stderr } = await shop({ '.env': 'my.key=1\n' }).cli(['export', 's6'])
  expect(stderr).toContain('note: left out, since no shell has variables of such names: my.key\n')
})

test('a folder that cannot be written to is an error in words', async () => {
  const app = shop()
  writeFileSync(app.path('out'), '')
  const { code, stderr } = await app.cli(['export', 'systemd', 'out'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^tw-run: cannot write .*out\/app\.target: /)
})
