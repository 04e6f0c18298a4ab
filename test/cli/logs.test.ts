import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { done, isAlive, killSupervisor, pids, running, supervisorOf } from '../support/control.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const PLAIN = ['--no-timestamps']

async function detached(app: LiveApp, ...args: readonly string[]): Promise<void> {
  await done(app, 'start', '-D', ...PORT, ...args)
}

async function stopped(app: LiveApp): Promise<void> {
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  expect(app.survivors()).toEqual([])
}

/** Waits until the process has written this. */
async function written(app: LiveApp, id: string, text: string): Promise<void> {
  await until(`${id} to write ${text}`, () => app.runFile(id, 'log')?.includes(text))
}

function textsOf(output: string): string[] {
  return output.split('\n').flatMap((line) => /\| (.*)$/.exec(line)?.[1] ?? [])
}

test('logs shows the last lines of each, also under a dead supervisor and after the end', async () => {
  const app = liveApp({
    Procfile: 'web: for i in 1 2 3 4 5; do echo w$i; done; exec sleep 300\nworker: echo k1; exec sleep 300\n',
  })
  for (const args of [['logs'], ['logs', '-f']]) {
    expect(await app.cli(args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing runs here') as string,
    })
  }
  await detached(app)
  await written(app, 'web.1', 'w5')
  await written(app, 'worker.1', 'k1')
  const whole = await done(app, 'logs', ...PLAIN)
  expect(textsOf(whole).toSorted()).toEqual(['k1', 'w1', 'w2', 'w3', 'w4', 'w5'])
  expect(textsOf(whole).filter((text) => text.startsWith('w'))).toEqual(['w1', 'w2', 'w3', 'w4', 'w5'])
  expect(await done(app, 'logs', ...PLAIN, '-n', '2', 'web')).toBe('web.1  | w4\nweb.1  | w5\n')
  expect(await done(app, 'logs', ...PLAIN, '-n', '0')).toBe('')
  expect(await done(app, 'logs', 'worker.1')).toMatch(/^\d\d:\d\d:\d\d worker\.1 \| k1\n$/)
  expect(JSON.parse(await done(app, 'logs', '--log-format', 'json', 'worker'))).toMatchObject({
    process: 'worker.1',
    text: 'k1',
  })
  expect(await app.cli(['logs', 'wrker'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean "worker"') as string,
  })
  for (const args of [
    ['-n', '-1'],
    ['-n', 'x'],
    ['--since', '5 parsecs'],
  ])
    expect((await app.cli(['logs', ...args])).code).toBe(2)
  await killSupervisor(app)
  expect(textsOf(await done(app, 'logs', ...PLAIN)).toSorted()).toEqual(textsOf(whole).toSorted())
  await stopped(app)
  expect(textsOf(await done(app, 'logs', ...PLAIN)).toSorted()).toEqual(textsOf(whole).toSorted())
  expect(textsOf(await done(app, 'logs', '-f', ...PLAIN)).length).toBe(6)
})

test('logs reads its options as start does, and says which one is wrong', async () => {
  const app = liveApp({ Procfile: 'web: echo hi; exec sleep 300\n' })
  const wrong = (from: string, value: string): object => ({
    code: 2,
    stdout: '',
    stderr: `tw-run: ${from}: "${value}" is not one of pretty, plain, json\n`,
  })
  expect(await app.cli(['logs', '--log-format', 'bogus'])).toEqual(wrong('--log-format', 'bogus'))
  await detached(app)
  await written(app, 'web.1', 'hi')
  expect(await app.cli(['logs', '--log-format', 'bogus'])).toEqual(wrong('--log-format', 'bogus'))
  const nope = { TW_RUN_LOG_FORMAT: 'nope' }
  expect(await app.cli(['logs', '-f'], nope)).toEqual(wrong('TW_RUN_LOG_FORMAT in the shell', 'nope'))
  writeFileSync(app.path('.env'), 'TW_RUN_LOG_FORMAT=plain\nTW_RUN_PORT=none of its business\n')
  expect(await done(app, 'logs')).toBe('hi\n')
  expect(textsOf(await done(app, 'logs', '--log-format', 'pretty'))).toEqual(['hi'])
  writeFileSync(app.path('.env'), 'TW_RUN_LOG_FORMAT=never\n')
  expect(await app.cli(['logs'])).toEqual(wrong('TW_RUN_LOG_FORMAT in .env', 'never'))
  await stopped(app)
})

test('logs --since leaves out what is older', async () => {
  const app = liveApp({
    Procfile: 'web: echo early; until test -e go; do sleep 0.05; done; echo late; exec sleep 300\n',
  })
  await detached(app)
  await written(app, 'web.1', 'early')
  const at = performance.now()
  await until('three seconds', () => performance.now() - at > 3_000)
  writeFileSync(app.path('go'), '')
  await written(app, 'web.1', 'late')
  expect(textsOf(await done(app, 'logs', '--since', '2s'))).toEqual(['late'])
  expect(textsOf(await done(app, 'logs', '--since', '1h'))).toEqual(['early', 'late'])
  await stopped(app)
})

test('logs -f misses nothing of processes that come and go fast, in their order', async () => {
  const app = liveApp({
    Procfile:
      'web: n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n; echo run $n; echo last $n; echo $n >said; test $n = 1 || exec sleep 300\n',
  })
  let before = ''
  // The second run ends by itself.
  const hasSaidAll = async (): Promise<void> => {
    before = await until('it to have said all', () => {
      const said = readFileSync(app.path('said'), 'latin1')
      return said.endsWith('\n') && !['1\n', before].includes(said) ? said : undefined
    })
  }
  await detached(app, '--restart', 'always')
  const follow = app.startBy([process.execPath], ['logs', '-f', ...PLAIN])
  await follow.waitFor(/last 0/)
  for (let n = 0; n < 6; n += 1) {
    await hasSaidAll()
    const { 'web.1': pid } = await running(app, 'web.1')
    // Its end, and the short run after the first one, are over before anybody looks again.
    kill9(pid)
    await until('another run', () => (pids(app)['web.1'] ?? pid) !== pid)
    if (n === 0) continue
    await hasSaidAll()
    await done(app, 'restart', 'web.1', '--wait')
  }
  await stopped(app)
  expect(await follow.ended).toBe(0)
  const runs = Number(readFileSync(app.path('n'), 'latin1'))
  expect(runs).toBeGreaterThan(8)
  expect(textsOf(follow.output())).toEqual(
    Array.from({ length: runs }, (_, n) => [`run ${n}`, `last ${n}`]).flat(),
  )
})

test('logs -f shows a line whole that was unfinished when it began, and logs what there is of it', async () => {
  const app = liveApp({
    Procfile:
      'web: echo one; printf hel; until test -e go; do sleep 0.02; done; echo lo; until test -e end; do sleep 0.02; done; printf bye\n',
  })
  await detached(app)
  await written(app, 'web.1', 'hel')
  expect(textsOf(await done(app, 'logs', ...PLAIN))).toEqual(['one', 'hel'])
  const follow = app.startBy([process.execPath], ['logs', '-f', ...PLAIN])
  await follow.waitFor(/one\n/)
  writeFileSync(app.path('go'), '')
  await follow.waitFor(/lo\n/)
  writeFileSync(app.path('end'), '')
  expect(await follow.ended).toBe(0)
  expect(textsOf(follow.output())).toEqual(['one', 'hello', 'bye'])
  expect(textsOf(await done(app, 'logs', '-f', '-n', '2', ...PLAIN))).toEqual(['hello', 'bye'])
  await until('the end', () => app.survivors().length === 0)
})

test('logs -f shows nothing of an earlier session, as logs does', async () => {
  const app = liveApp({
    Procfile:
      'web: echo of web; exec sleep 300\nworker: n=$(cat n 2>/dev/null || echo 1); echo worker $n; echo $((n + 1)) >n; exec sleep 300\n',
  })
  await detached(app)
  await written(app, 'web.1', 'of web')
  await written(app, 'worker.1', 'worker 1')
  await stopped(app)
  await detached(app, '-m', 'web=0')
  await written(app, 'worker.1', 'worker 2')
  const follow = app.startBy([process.execPath], ['logs', '-f', ...PLAIN])
  await follow.waitFor(/worker 2\n/)
  await done(app, 'scale', 'web=1')
  await follow.waitFor(/of web\n/)
  await done(app, 'scale', 'web=0', '--wait')
  await stopped(app)
  expect(await follow.ended).toBe(0)
  expect(textsOf(follow.output())).toEqual(['worker 2', 'of web'])
  await detached(app, '-m', 'web=0')
  await written(app, 'worker.1', 'worker 3')
  await stopped(app)
  expect(textsOf(await done(app, 'logs', '-f', ...PLAIN))).toEqual(['worker 3'])
})

test('logs -f goes on with the session that comes after, and tears nothing between the two', async () => {
  const app = liveApp({
    Procfile:
      'web: exec 2>/dev/null; n=$(cat n || echo 1); echo $((n + 1)) >n; echo begin $n; trap "echo end $n; exit 0" TERM; while :; do sleep 0.02; done\nworker: exec sleep 300\n',
  })
  await detached(app, '-m', 'worker=0')
  const follow = app.startBy([process.execPath], ['logs', '-f', ...PLAIN])
  await follow.waitFor(/begin 1\n/)
  // It looks at nothing while one session ends and the next one begins.
  process.kill(follow.pid, 'SIGSTOP')
  await stopped(app)
  await detached(app)
  await written(app, 'web.1', 'begin 2')
  process.kill(follow.pid, 'SIGCONT')
  await follow.waitFor(/begin 2\n/)
  await stopped(app)
  expect(await follow.ended).toBe(0)
  expect(textsOf(follow.output())).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2'])
})

test('logs -f dates a line that was begun before as logs does', async () => {
  const app = liveApp({
    Procfile: 'web: printf hel; until test -e go; do sleep 0.02; done; echo lo; exec sleep 300\n',
  })
  const timesOf = (output: string): string[] =>
    output
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { time: string }).time)
  await detached(app)
  await until('the time to be noted', () => app.runFile('web.1', 'times'))
  const asJson = ['--log-format', 'json']
  const before = timesOf(await done(app, 'logs', ...asJson))
  const follow = app.startBy([process.execPath], ['logs', '-f', ...asJson])
  const at = performance.now()
  await until('two seconds', () => performance.now() - at > 2_000)
  writeFileSync(app.path('go'), '')
  await follow.waitFor(/"text":"hello"/)
  expect(timesOf(follow.output())).toEqual(before)
  expect(timesOf(await done(app, 'logs', ...asJson))).toEqual(before)
  await stopped(app)
  expect(await follow.ended).toBe(0)
})

test('logs -f numbers the lines of each process without a gap, also over a restart', async () => {
  const app = liveApp({
    Procfile:
      'web: echo a; echo b; until test -e go; do sleep 0.02; done; seq 1 20; exec sleep 300\nworker: echo k; exec sleep 300\n',
  })
  await detached(app)
  await written(app, 'web.1', 'b')
  await done(app, 'restart', 'web.1', '--wait')
  await written(app, 'web.1', 'b')
  await written(app, 'worker.1', 'k')
  const follow = app.startBy([process.execPath], ['logs', '-f', '--log-format', 'json'])
  await until('the last lines', () => follow.lines().length === 5)
  writeFileSync(app.path('go'), '')
  await follow.waitFor(/"text":"20"/)
  await done(app, 'restart', 'web.1', '--wait')
  await until('the lines of another run', () => follow.lines().length === 47)
  await stopped(app)
  expect(await follow.ended).toBe(0)
  const said = follow
    .lines()
    .map((line) => JSON.parse(line) as { process: string; seq: number; text: string })
  const web = said.filter(({ process: id }) => id === 'web.1')
  expect(web.map(({ seq }) => seq)).toEqual(Array.from({ length: 46 }, (_, index) => index + 1))
  expect(web.slice(-2).map(({ text }) => text)).toEqual(['19', '20'])
  expect(said).toContainEqual({
    ...said[0],
    time: expect.anything() as string,
    process: 'worker.1',
    seq: 1,
    text: 'k',
  })
})

test('logs -f shows all of what was written up to the end, however much', { timeout: 40_000 }, async () => {
  const app = liveApp({
    Procfile:
      'web: echo begin; until test -e go; do sleep 0.02; done; seq 1 3000000; echo no newline | tr -d "\\n"\n',
  })
  await detached(app)
  const sum = 'node "$0" "$@" >shown; md5sum <shown'
  const follow = app.startBy(['sh', '-c', sum], ['logs', '-f', '--no-prefix', ...PLAIN])
  await until(
    'it to follow',
    () => existsSync(app.path('shown')) && readFileSync(app.path('shown'), 'latin1') === 'begin\n',
  )
  const whole = app.startBy(['sh', '-c', '(echo begin; seq 1 3000000; echo "no newline") | md5sum'])
  writeFileSync(app.path('go'), '')
  expect(await follow.ended).toBe(0)
  await whole.ended
  expect(follow.output()).toBe(whole.output())
  await until('the end', () => app.survivors().length === 0)
})

test('logs -f ends when nobody reads it, also if nothing is written any more', async () => {
  const app = liveApp({ Procfile: 'web: echo one; echo two; exec sleep 300\n' })
  await detached(app)
  await written(app, 'web.1', 'two')
  const follow = app.startBy(['sh', '-c', 'node "$0" "$@" | head -n 1'], ['logs', '-f', ...PLAIN])
  expect(await follow.ended).toBe(0)
  expect(follow.output()).toBe('web.1  | one\n')
  await until('logs to end', () => !app.survivors().some(({ command }) => command.includes('logs -f')))
  await stopped(app)
})

requires('linux', 'strace')('logs -f reads no records of what does not change', async () => {
  const app = liveApp({ Procfile: 'web: exec sleep 300\n' })
  await detached(app, '-m', 'web=5')
  const [looks, records] = [/"[^"]*\/processes"/g, /"[^"]*\/spec\.json"/g]
  const times = (what: RegExp): number => readFileSync(app.path('calls'), 'utf8').match(what)?.length ?? 0
  const trace = ['strace', '-o', app.path('calls'), '-e', 'trace=statx,newfstatat,openat']
  const follow = app.startBy([...trace, process.execPath], ['logs', '-f'])
  await until('it to be seen', () => existsSync(app.path('calls')))
  await until('it to look again and again', () => times(looks) > 60)
  expect(times(records)).toBeLessThan((times(looks) * 5) / 2)
  // Its end ends strace, which lets no signal through.
  await done(app, 'stop')
  expect(await follow.ended).toBe(0)
  expect(app.survivors()).toEqual([])
})

test('bytes of a log are shown as they are', async () => {
  const app = liveApp({ Procfile: String.raw`web: printf 'a\377\000\033[1mb\r\n'; exec sleep 300` })
  await detached(app)
  await written(app, 'web.1', 'b\r\n')
  const shown = app.startBy(
    ['sh', '-c', 'node "$0" "$@" | od -An -c | tr -s " "'],
    ['logs', '--no-prefix', ...PLAIN],
  )
  expect(await shown.ended).toBe(0)
  expect(shown.output()).toBe(' a 377 \\0 033 [ 1 m b \\r \\n\n')
  await stopped(app)
})

test('logs shows a long last line in the pieces that start shows, with and without -f', async () => {
  const app = liveApp({
    Procfile: "web: echo first; head -c 9000000 /dev/zero | tr '\\0' x; echo; exec sleep 300\n",
  })
  await detached(app)
  await until('all to be written', () => app.runFile('web.1', 'log')?.endsWith('x\n'))
  const lengthsOf = (output: string): number[] => textsOf(output).map((text) => text.length)
  const MIB = 1024 * 1024
  const last = 9_000_000 - 8 * MIB
  expect(lengthsOf(await done(app, 'logs', ...PLAIN, '-n', '1'))).toEqual([last])
  expect(lengthsOf(await done(app, 'logs', ...PLAIN, '-n', '3', 'web'))).toEqual([MIB, MIB, last])
  expect(lengthsOf(await done(app, 'logs', ...PLAIN))).toEqual([
    ...Array.from({ length: 7 }, () => MIB),
    last,
  ])
  const follow = app.startBy([process.execPath], ['logs', '-f', '-n', '1', ...PLAIN])
  await until('the last piece', () => lengthsOf(follow.output()).length === 1)
  await stopped(app)
  expect(await follow.ended).toBe(0)
  expect(lengthsOf(follow.output())).toEqual([last])
})

test('logs and ps can be asked at any moment of a crash loop', async () => {
  const app = liveApp({ Procfile: 'web: echo x; exec sleep 300\n' })
  await detached(app, '--restart', 'always', '-m', 'web=3')
  await running(app, 'web.1', 'web.2', 'web.3')
  const supervisor = supervisorOf(app)
  let isDone = false
  const killing = (async () => {
    while (!isDone) {
      await app.cli(['restart'])
    }
  })()
  const ask = async (...args: string[]): Promise<void> => {
    for (let n = 0; n < 8; n += 1) expect(await app.cli(args)).toMatchObject({ code: 0, stderr: '' })
  }
  await Promise.all([ask('logs'), ask('ps', '--json'), ask('ps', '--stats')])
  isDone = true
  await killing
  expect(isAlive(supervisor)).toBe(true)
  await running(app, 'web.1', 'web.2', 'web.3')
  await stopped(app)
})
