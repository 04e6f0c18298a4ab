import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stateDirAt, TALK, talkIn } from '../../src/runtime/state-dir.ts'
import { expecting } from '../../src/runtime/system-error.ts'
import { kill9, liveApp, removedInUse, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { descriptorsOf, done, memoryOf, pids, running, seen, supervisorOf } from '../support/control.ts'
import { portAt } from '../support/ports.ts'
import { talk, talks } from '../support/talk.ts'
import { waitingShim } from '../support/waiting-shims.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const MEGABYTE = 1024 * 1024

async function detached(): Promise<{ app: LiveApp; supervisor: number }> {
  const app = liveApp({ Procfile: 'web: exec sleep 300\ncrash: exec sleep 300\n' })
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  await running(app, 'web.1', 'crash.1')
  return { app, supervisor: supervisorOf(app) }
}

/** Of clients that come and go. */
function leftBehind(app: LiveApp): string[] {
  return readdirSync(app.state()).filter((name) => TALK.test(name))
}

/** The supervisor does its work: what crashes is started again, and what is asked is answered. */
async function supervises(app: LiveApp, supervisor: number): Promise<void> {
  const pid = await until('crash.1 to be up', () => pids(app)['crash.1'])
  const { 'web.1': web } = pids(app)
  kill9(pid)
  await until('crash.1 to be started again', () => (pids(app)['crash.1'] ?? pid) !== pid, 5_000)
  expect(pids(app)['web.1']).toBe(web)
  expect(supervisorOf(app)).toBe(supervisor)
}

async function stopped(app: LiveApp): Promise<void> {
  expect(await done(app, 'stop')).toContain('all stopped, nothing left running')
  // The supervisor, which says so, has yet to end.
  await until('nobody to be left', () => app.survivors().length === 0)
}

test('what is no command is refused, and changes nothing', async () => {
  const { app, supervisor } = await detached()
  const before = pids(app)
  const nonsense = [
    '\n',
    'hello\n',
    'null\n',
    '[]\n',
    '{"do":"exec","words":["rm"]}\n',
    '{"do":"scale"}\n',
    '{"do":"scale","words":"web=2"}\n',
    '{"do":"scale","words":[1]}\n',
    `{"do":"scale","words":["${'w'.repeat(129)}"]}\n`,
    `{"do":"stop","targets":[${'"web",'.repeat(10_001)}"web"]}\n`,
    '{"do":"stop","targets":["../../etc/passwd"]}\n',
    '{"do":"stop","targets":["__proto__.1"]}\n',
    '{"do":"restart","targets":["constructor"]}\n',
    '{"do":"scale","words":["__proto__=3","toString=1"]}\n',
    '{"do":"scale","words":["web=\\u001b[2J"]}\n',
    '{"__proto__":{"do":"reload"}}\n',
    `${'{"a":'.repeat(20_000)}\n`,
    '\u0000\u0001\u0002\n',
  ]
  for (const text of nonsense) {
    const said = await talk(app, text)
    expect(JSON.parse(said), text.slice(0, 80)).toMatchObject({ ok: false })
    expect(said).not.toContain('\u001b')
  }
  expect(JSON.parse(await talk(app, Buffer.from([0xff, 0xfe, 0x0a])))).toMatchObject({ ok: false })
  // Only the first of two is heard.
  await talk(app, '{"do":"reload"}\n{"do":"stop","targets":[]}\n')
  expect(pids(app)).toEqual(before)
  expect(seen(app).session).toMatchObject({ counts: { web: 1, crash: 1 }, stopped: [] })
  await supervises(app, supervisor)
  await stopped(app)
})

test('what rings and is no client, or one that has gone, is not heard', async () => {
  const { app, supervisor } = await detached()
  const { commands } = stateDirAt(app.state())
  const descriptors = descriptorsOf(supervisor)
  writeFileSync(commands, Buffer.alloc(10 * MEGABYTE, 'x'))
  writeFileSync(
    commands,
    `\n../../../etc/passwd\n${'0'.repeat(16)}\n\u0000\n${'\n'.repeat(5_000)}{"do":"stop","targets":[]}\n`,
  )
  const [gone] = talks(app, 1)
  gone?.leave()
  await gone?.ended
  // Its line has no end: that of the next one has a beginning.
  writeFileSync(commands, 'half of a wo')
  expect(await done(app, 'scale', 'web=2')).toBe('web: 1 -> 2\n')
  await running(app, 'web.1', 'web.2', 'crash.1')
  await until('nothing to be left of it', () => leftBehind(app).length === 0)
  await until('its descriptors to be closed', () => descriptorsOf(supervisor) <= descriptors + 2)
  await supervises(app, supervisor)
  await stopped(app)
})

test('a message that does not end, and one that is too long, cost no memory', async () => {
  const { app, supervisor } = await detached()
  const memory = memoryOf(supervisor)
  for (const one of talks(app, 20)) {
    void one.say(Buffer.alloc(10 * MEGABYTE, 'x'))
    expect(JSON.parse(await one.ended)).toMatchObject({ ok: false })
  }
  const longest = await talk(app, `{"do":"scale","words":["${'x'.repeat(300_000)}"]}\n`)
  expect(JSON.parse(longest)).toMatchObject({ ok: false })
  expect(memoryOf(supervisor) - memory).toBeLessThan(60 * MEGABYTE)
  await supervises(app, supervisor)
  await stopped(app)
})

test(
  'a thousand clients that say nothing, half of a word, or do not listen, are hung up on',
  { timeout: 40_000 },
  async () => {
    const { app, supervisor } = await detached()
    await waitingShim(app)
    const memory = memoryOf(supervisor)
    const descriptors = descriptorsOf(supervisor)
    const begun = performance.now()
    const clients = talks(app, 1_000)
    for (const [index, one] of clients.entries()) {
      if (index % 4 !== 0) void one.say('{"do":"sca')
      // Its end is closed, while it listens.
      if (index % 4 === 2) one.hush()
      if (index % 4 === 3) one.leave()
    }
    await until('them to be there', () => descriptorsOf(supervisor) > descriptors + 50)
    await supervises(app, supervisor)
    expect(descriptorsOf(supervisor) - descriptors).toBeLessThan(200)
    // A real command among them waits for its turn.
    await done(app, 'scale', 'web+1')
    expect(seen(app).session?.counts['web']).toBe(2)
    await running(app, 'web.1', 'web.2', 'crash.1')
    await Promise.all(clients.map(({ ended }) => ended))
    expect(performance.now() - begun).toBeLessThan(25_000)
    await until('their descriptors to be closed', () => descriptorsOf(supervisor) <= descriptors + 2)
    expect(leftBehind(app)).toEqual([])
    expect(memoryOf(supervisor) - memory).toBeLessThan(60 * MEGABYTE)
    await supervises(app, supervisor)
    await stopped(app)
  },
)

test('one that speaks letter by letter is heard, in time', async () => {
  const { app } = await detached()
  const [one] = talks(app, 1)
  for (const letter of '{"do":"scale","words":["web=2"]}\n') {
    await one?.say(letter)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(JSON.parse((await one?.ended) ?? '')).toEqual({ ok: true, lines: ['web: 1 -> 2'] })
  await running(app, 'web.1', 'web.2', 'crash.1')
  await stopped(app)
})

test('of many at once each is heard once, and answered', async () => {
  const { app, supervisor } = await detached()
  const clients = talks(app, 60)
  await Promise.all(clients.map(async (one) => one.say('{"do":"scale","words":["web+1"]}\n')))
  const lines = await Promise.all(
    clients.map(async ({ ended }) => (JSON.parse(await ended) as { lines: string[] }).lines),
  )
  const expected = clients.map((_, index) => `web: ${index + 1} -> ${index + 2}`)
  expect(lines.flat().toSorted()).toEqual(expected.toSorted())
  expect(await done(app, 'scale', 'web=1')).toBe('web: 61 -> 1\n')
  await running(app, 'web.1', 'crash.1')
  expect(supervisorOf(app)).toBe(supervisor)
  await stopped(app)
})

test('a command has its say where nothing is kept ready, and where it is long', async () => {
  const { app } = await detached()
  await removedInUse(stateDirAt(app.state()).spares)
  expect(await done(app, 'scale', 'web=2')).toBe('web: 1 -> 2\n')
  const many = Array.from({ length: 4_000 }, (_, index) => (index % 2 === 0 ? 'web=3' : 'crash=1'))
  const { code, stderr } = await app.cli(['scale', ...many, 'nobody=1'])
  expect([code, stderr]).toEqual([2, expect.stringContaining('"nobody"')])
  await running(app, 'web.1', 'web.2', 'crash.1')
  expect(leftBehind(app)).toEqual([])
  await stopped(app)
})

test('a supervisor that was stopped is not waited for for ever, and is itself again when it goes on', async () => {
  const { app, supervisor } = await detached()
  process.kill(supervisor, 'SIGSTOP')
  const [scaled, shown] = await Promise.all([app.cli(['scale', 'web=2']), app.cli(['ps'])])
  expect(shown.code).toBe(0)
  expect(scaled).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was changed') as string })
  process.kill(supervisor, 'SIGCONT')
  await supervises(app, supervisor)
  // Nor is it done afterwards.
  expect(await done(app, 'scale')).toBe('web=1,crash=1\n')
  await stopped(app)
})

/** Kills the supervisor, and listens in its place as one that dies with the question in its hands, or in the middle of a word. */
async function dyingFor(app: LiveApp, supervisor: number, asked: () => void, word = ''): Promise<void> {
  kill9(supervisor)
  await until('the supervisor to be gone', () => !existsSync(`/proc/${supervisor}`))
  const { commands, path } = stateDirAt(app.state())
  const fd = openSync(commands, constants.O_RDWR | constants.O_NONBLOCK)
  const bytes = Buffer.alloc(1024)
  void until('somebody to ask', () => expecting({ EAGAIN: 0 }, () => readSync(fd, bytes)) > 2).then(() => {
    asked()
    if (word !== '') writeFileSync(talkIn(path, bytes.toString('latin1', 1, 17)).answer, word)
    closeSync(fd)
  })
}

test('what is added while the supervisor dies is added once, by the next one', async () => {
  const { app, supervisor } = await detached()
  let asked = 0
  await dyingFor(app, supervisor, () => (asked += 1))
  expect(await done(app, 'scale', 'web+1')).toContain('web: 1 -> 2')
  expect(asked).toBe(1)
  await running(app, 'web.1', 'web.2', 'crash.1')
  await stopped(app)
})

test('what a dying supervisor may have added is not added again, and that is said', async () => {
  const { app, supervisor } = await detached()
  const file = join(app.state(), 'formation.json')
  await dyingFor(app, supervisor, () => writeFileSync(file, `${readFileSync(file, 'utf8')}\n`))
  const { code, stderr } = await app.cli(['scale', 'web+1'])
  expect(code).toBe(1)
  expect(stderr).toContain('the supervisor died while it was asked: it may have happened or not')
  await done(app, 'ps')
  await running(app, 'web.1', 'crash.1')
  await stopped(app)
})

test.for([
  ['{"ok":true,"lines":["w', 'it was done, but the supervisor was gone before it had said all of that'],
  ['{"ok":false,"exitCo', 'it was refused, but the supervisor was gone before it had said all of that'],
] as const)('an answer that is cut off, %j, is told, and nothing is asked again', async ([word, told]) => {
  const { app, supervisor } = await detached()
  let asked = 0
  await dyingFor(app, supervisor, () => (asked += 1), word)
  const { code, stderr } = await app.cli(['restart', 'web.1'])
  expect([code, stderr, asked]).toEqual([1, expect.stringContaining(told), 1])
  expect(leftBehind(app)).toEqual([])
  await done(app, 'ps')
  await running(app, 'web.1', 'crash.1')
  expect(existsSync(join(app.state(), 'processes', 'web.1', '2'))).toBe(false)
  await stopped(app)
})

test('a FIFO that was removed is there again, and who asks meanwhile is heard', async () => {
  const { app, supervisor } = await detached()
  const { commands } = stateDirAt(app.state())
  rmSync(commands)
  expect(await done(app, 'scale', 'web=2')).toBe('web: 1 -> 2\n')
  await running(app, 'web.1', 'web.2', 'crash.1')
  rmSync(commands)
  await until('it to be there again', () => existsSync(commands))
  await supervises(app, supervisor)
  await stopped(app)
})

test('a file in the place of the FIFO is no supervisor, and gives way to it', async () => {
  const { app, supervisor } = await detached()
  const { commands } = stateDirAt(app.state())
  const replace = (): void => {
    rmSync(commands)
    writeFileSync(commands, '')
  }
  replace()
  expect(await done(app, 'scale', 'web=2')).toBe('web: 1 -> 2\n')
  kill9(supervisor)
  await until('the supervisor to be gone', () => !existsSync(`/proc/${supervisor}`))
  replace()
  expect(await done(app, 'scale', 'web=3')).toBe('web: 2 -> 3\n')
  await running(app, 'web.1', 'web.2', 'web.3', 'crash.1')
  await stopped(app)
})

test('with a folder in its place nobody is heard until that is gone', async () => {
  const { app, supervisor } = await detached()
  const { commands } = stateDirAt(app.state())
  rmSync(commands)
  mkdirSync(commands)
  const client = app.startBy([process.execPath], ['scale', 'web=2'])
  await supervises(app, supervisor)
  expect(client.child.exitCode).toBeNull()
  rmSync(commands, { recursive: true })
  expect(await client.ended).toBe(0)
  expect(client.output()).toBe('web: 1 -> 2\n')
  await running(app, 'web.1', 'web.2', 'crash.1')
  await stopped(app)
})

test('what cannot be removed or read of a client costs the supervisor nothing', async () => {
  const { app, supervisor } = await detached()
  const state = stateDirAt(app.state())
  const { question, answer } = talkIn(state.path, '0123456789abcdef')
  mkdirSync(question)
  execFileSync('mkfifo', [answer])
  const fd = openSync(answer, constants.O_RDONLY | constants.O_NONBLOCK)
  writeFileSync(state.commands, '0123456789abcdef\n')
  await until('it to be looked at', () => !existsSync(answer))
  expect(existsSync(question)).toBe(true)
  closeSync(fd)
  await supervises(app, supervisor)
  await stopped(app)
  rmSync(question, { recursive: true })
})

test('what a killed client leaves is gone with the next supervisor', async () => {
  const { app, supervisor } = await detached()
  process.kill(supervisor, 'SIGSTOP')
  const client = app.startBy([process.execPath], ['scale', 'web=2'])
  await until('it to ask', () => leftBehind(app).length === 2)
  kill9(client.pid)
  await client.ended
  expect(leftBehind(app)).toHaveLength(2)
  kill9(supervisor)
  await until('the supervisor to be gone', () => !existsSync(`/proc/${supervisor}`))
  // Whoever looks brings another one.
  await done(app, 'ps')
  await until('another one to be there', () => seen(app).supervisor !== undefined)
  await until('nothing to be left', () => leftBehind(app).length === 0)
  expect(await done(app, 'scale')).toBe('web=1,crash=1\n')
  await stopped(app)
})

test('a long answer is read whole, and nothing is done twice for it', async () => {
  const app = liveApp({ Procfile: 'w: exec sleep 300\n' })
  await done(app, 'start', '-D', ...PORT, '-m', 'w=30')
  const ids = Array.from({ length: 30 }, (_, index) => `w.${index + 1}`)
  await running(app, ...ids)
  await done(app, 'stop', 'w.1')
  const keys = Array.from({ length: 600 }, (_, index) => `A_KEY_OF_SOME_LENGTH_${index}`)
  writeFileSync(app.path('.env'), keys.map((key) => `${key}=1\n`).join(''))
  const said = await done(app, 'restart')
  expect(said.split('\n').filter((line) => line.startsWith('w.'))).toHaveLength(30)
  expect(said.length).toBeGreaterThan(256 * 1024)
  await running(app, ...ids)
  expect(existsSync(join(app.state(), 'processes', 'w.2', '2'))).toBe(true)
  expect(existsSync(join(app.state(), 'processes', 'w.2', '3'))).toBe(false)
  await stopped(app)
})
