import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { liveApp, removedInUse, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { portAt } from '../support/ports.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const PROCFILE = 'web: echo up as $$; exec sleep 100\n'

/** The pid that web.1 says is its own. */
async function startWeb(app: LiveApp): Promise<{ run: ReturnType<LiveApp['start']>; pid: number }> {
  const run = app.start(PORT)
  const [, pid] = await run.waitFor(/up as (\d+)/)
  return { run, pid: Number(pid) }
}

test("the state is the user's alone", async () => {
  const app = liveApp({ Procfile: PROCFILE, '.env': 'SECRET=do-not-write-this\n' })
  const { run } = await startWeb(app)
  expect(statSync(app.state()).mode & 0o777).toBe(0o700)
  const files = readdirSync(app.state(), { recursive: true, withFileTypes: true })
  const texts = files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'))
  expect(texts.length).toBeGreaterThan(3)
  for (const text of texts) expect(text).not.toContain('do-not-write-this')
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
})

test.each([
  [
    'that others can write to',
    (path: string) => chmodSync(path, 0o777),
    /others can write to the state directory .*\n.*chmod go-w/,
  ],
  [
    'of another user',
    (path: string) => chownSync(path, 65_534, 65_534),
    /belongs to another user \(uid 65534\)/,
  ],
] as const)('a state directory %s is refused', async (_, spoil, expected) => {
  const app = liveApp({ Procfile: PROCFILE })
  mkdirSync(app.stateDir, { mode: 0o700 })
  spoil(app.stateDir)
  const { code, stderr } = await app.cli(['start', ...PORT])
  expect(code).toBe(1)
  expect(stderr).toMatch(expected)
  expect(stderr).toContain('--state-dir')
})

test.each([
  ['empty', ''],
  ['cut off', '{"version":1,"id":"x"'],
  ['of a newer version', '{"version":99}'],
  ['something else', '[1,2,3]'],
])('a formation.json that is %s is put aside, and the processes go on', async (_, text) => {
  const app = liveApp({ Procfile: PROCFILE })
  const { run: first, pid } = await startWeb(app)
  first.signal('SIGKILL')
  await first.ended
  writeFileSync(join(app.state(), 'formation.json'), text)
  const second = app.start(PORT)
  await second.waitFor(/damaged or of another version, put aside/)
  await second.waitFor(/1 still running \(web\.1\)/)
  expect(app.survivors().map((one) => one.pid)).toContain(pid)
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
  expect(readdirSync(app.state()).some((name) => name.startsWith('formation.json.damaged-'))).toBe(true)
})

test('a damaged spec.json loses the process, not the count: it is ended and started again', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  const { run: first, pid } = await startWeb(app)
  first.signal('SIGKILL')
  await first.ended
  writeFileSync(join(app.state(), 'processes/web.1/1/spec.json'), '{')
  const { run: second, pid: other } = await startWeb(app)
  expect(other).not.toBe(pid)
  await until('the old one to be gone', () => !app.survivors().some((one) => one.pid === pid))
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})

test('a state directory that is removed while it runs ends the formation with a clear error', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  const { run } = await startWeb(app)
  await removedInUse(app.stateDir)
  expect(await run.ended).toBe(1)
  expect(run.output()).toMatch(/the state directory .* was removed/)
  expect(app.survivors()).toEqual([])
})

test('the one whose state directory was removed lets that of the next one be', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  const { run: first, pid } = await startWeb(app)
  first.signal('SIGSTOP')
  rmSync(app.stateDir, { recursive: true })
  const { run: second, pid: other } = await startWeb(app)
  first.signal('SIGCONT')
  expect(await first.ended).toBe(1)
  expect(first.output()).toMatch(/the state directory .* was removed/)
  expect(app.survivors().map((one) => one.pid)).not.toContain(pid)
  // Removed or written by the first one, this would be the end of the second one too.
  expect(readFileSync(join(app.state(), 'formation.json'), 'utf8')).toContain('"over":false')
  expect(app.survivors().map((one) => one.pid)).toContain(other)
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})

test('what was left by another boot is dead: nothing is signalled, and a new run begins', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  const { run: first, pid } = await startWeb(app)
  first.signal('SIGKILL')
  await first.ended
  process.kill(pid, 'SIGKILL')
  await until('the shim to end', () => app.survivors().length === 0)
  for (const name of ['formation.json', 'processes/web.1/1/spec.json']) {
    const path = join(app.state(), name)
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"bootId":"[^"]*"/, '"bootId":"another"'))
  }
  // A stranger that was given the number: it carries no token, and is left alone.
  rmSync(join(app.state(), 'processes/web.1/1/exit'))
  writeFileSync(join(app.state(), 'processes/web.1/1/pid'), `${process.pid}\n`)
  const { run: second } = await startWeb(app)
  expect(second.output()).not.toContain('carries on')
  expect(second.output()).toContain('web.1 ended with the machine or container it ran on')
  second.signal('SIGINT')
  expect(await second.ended).toBe(130)
})

test('where FIFOs cannot be made the way out is named, and nothing runs', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  mkdirSync(app.path('bin'))
  writeFileSync(
    app.path('bin/mkfifo'),
    '#!/bin/sh\necho "mkfifo: cannot create fifo: Operation not permitted" >&2; exit 1\n',
    { mode: 0o755 },
  )
  const { code, stdout, stderr } = await app.cli(['start', ...PORT], {
    PATH: `${app.path('bin')}:${process.env['PATH']}`,
  })
  expect(code).toBe(1)
  expect(stdout + stderr).toContain('--state-dir')
  expect(app.survivors()).toEqual([])
})

test.runIf(process.platform === 'linux')(
  'without flock it says what to install, and nothing runs',
  async () => {
    const app = liveApp({ Procfile: PROCFILE })
    mkdirSync(app.path('bin'))
    const { code, stderr } = await app.cli(['start', ...PORT], { PATH: app.path('bin') })
    expect(code).toBe(1)
    expect(stderr).toContain('install util-linux')
    expect(app.survivors()).toEqual([])
  },
)

test('where there are no temporary files, a start of what has run before says so', async () => {
  const app = liveApp({ Procfile: 'once: true\n' })
  expect((await app.cli(['start', ...PORT])).code).toBe(0)
  for (const TMPDIR of ['/dev/null', app.path('Procfile')]) {
    const { code, stderr } = await app.cli(['start', ...PORT], { TMPDIR })
    expect(code).toBe(1)
    expect(stderr).toContain('TMPDIR has to be a folder that you may write to')
    expect(stderr).not.toContain('bug')
  }
})

test('where no folder can be made the way out is named, and what can do without does', async () => {
  const app = liveApp({ Procfile: PROCFILE })
  const started = await app.cli(['start', ...PORT], { TMPDIR: '/proc/no-such' })
  expect(started).toMatchObject({ code: 1, stdout: '' })
  expect(started.stderr).toContain('TMPDIR has to be a folder that you may write to')
  expect((await app.cli(['check'], { XDG_CACHE_HOME: '/proc/no-such' })).code).toBe(0)
  expect(app.survivors()).toEqual([])
})

test('runs that are over leave no scratch directory, and old runs are dropped', async () => {
  const app = liveApp({ Procfile: 'web: echo $TMPDIR; echo x >$TMPDIR/file; exit 1' })
  const run = app.start([...PORT, '--restart', 'on-failure:4'])
  expect(await run.ended).toBe(1)
  const folders = [...run.output().matchAll(/\| (\/.*tw-run-[0-9a-f]+)$/gm)].map(([, path = '']) => path)
  expect(new Set(folders).size).toBe(5)
  for (const folder of folders) expect(existsSync(folder)).toBe(false)
  expect(readdirSync(join(app.state(), 'processes/web.1')).toSorted()).toEqual(['3', '4', '5', 'history'])
}, 30_000)
