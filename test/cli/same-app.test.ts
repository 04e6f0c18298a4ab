import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { forSameApp } from '../../src/cli/same-app.ts'
import { liveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { runCli } from '../support/rig.ts'

const HINT = 'see it with `tw-run ps`; start it with: tw-run start web'

test.for([
  [{}, HINT],
  [{ port: '7000' }, HINT],
  [{ root: 'app' }, 'see it with `tw-run ps -d app`; start it with: tw-run start -d app web'],
  [
    { root: "Ann's app" },
    String.raw`see it with ${'`'}tw-run ps -d 'Ann'\''s app'${'`'}; start it with: tw-run start -d 'Ann'\''s app' web`,
  ],
  [{ procfile: 'package.json' }, 'see it with `tw-run ps`; start it with: tw-run start -f package.json web'],
  [
    { procfile: 'src/cli/main.ts' },
    'see it with `tw-run ps -d src/cli`; start it with: tw-run start -f src/cli/main.ts web',
  ],
  [{ procfile: '/dev/null' }, 'see it with `tw-run ps`; start it with: tw-run start -f /dev/null web'],
  [
    { root: 'app', procfile: 'Proc', stateDir: 'state' },
    'see it with `tw-run ps -d app --state-dir state`; start it with: tw-run start -d app -f Proc --state-dir state web',
  ],
  [
    { procfile: 'src/cli/main.ts', stateDir: 'state' },
    `see it with \`tw-run ps -d src/cli --state-dir ${resolve('state')}\`; start it with: tw-run start -f src/cli/main.ts --state-dir state web`,
  ],
] as const)('%j', ([flags, expected]) => {
  expect(forSameApp(HINT, flags)).toBe(expected)
})

test('what a hint says finds the app that was named, from the same folder', async () => {
  const app = liveApp({ 'my app/Proc': 'web: exec sleep 300\n' })
  const told = async (...args: readonly string[]) => {
    const { code, stderr } = await runCli(args, { cwd: app.root })
    return [code, stderr]
  }
  const nothing = (options: string) => [
    1,
    `tw-run: nothing runs here\n  hint: start it with: tw-run start${options}\n`,
  ]
  expect(await told('scale', 'web=2', '-d', 'my app')).toEqual(nothing(" -d 'my app'"))
  expect(await told('scale', 'web=2', '-d', 'my app', '--state-dir=state')).toEqual(
    nothing(" -d 'my app' --state-dir state"),
  )
  const start = ['start', '-D', '-p', String(portAt(0)), '-f', 'my app/Proc', '--state-dir', app.stateDir]
  expect(await told(...start)).toEqual([0, ''])
  const [code, stderr] = await told(...start)
  expect(code).toBe(1)
  expect(stderr).toContain(`end it with \`tw-run stop -d 'my app' --state-dir ${app.stateDir}\`\n`)
  expect(await told('stop', '-d', 'my app', '--state-dir', app.stateDir)).toEqual([0, ''])
  expect(app.survivors()).toEqual([])
})

test('in a folder of a running app it is said where that is, no further up than the repository', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n', 'sub/deep/a': '', 'sub/own/.git/a': '' })
  const told = async (folder: string, ...args: readonly string[]) =>
    runCli(args, { cwd: app.path(folder), env: { TW_RUN_STATE_DIR: app.stateDir } })
  expect((await app.cli(['start', '-D', '-p', String(portAt(0))])).code).toBe(0)
  const nowhere = { code: 0, stdout: 'nothing runs here\n', stderr: '' }
  for (const [folder, above] of [
    ['sub', '..'],
    ['sub/deep', '../..'],
  ] as const) {
    const what = `nothing runs here, but a formation does in ${above}`
    expect(await told(folder, 'ps')).toEqual({
      ...nowhere,
      stdout: `${what} (see: tw-run ps -d ${above})\n`,
    })
    for (const words of [['scale'], ['scale', 'web=2'], ['stop'], ['logs']])
      expect(await told(folder, ...words)).toEqual({
        code: 1,
        stdout: '',
        stderr: `tw-run: ${what}\n  hint: see tw-run ps -d ${above}; start another one here with: tw-run start\n`,
      })
    expect((await told(folder, 'ps', '-d', above)).stdout).toMatch(/^PROCESS[^]*web\.1/)
  }
  expect(await told('sub/own', 'ps')).toEqual(nowhere)
  expect(await told('.', 'ps', '-d', 'sub')).toEqual(nowhere)
  expect((await app.cli(['stop'])).code).toBe(0)
  expect(await told('sub', 'ps')).toEqual(nowhere)
})
