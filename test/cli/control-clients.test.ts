import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { descriptorsOf, done, memoryOf, pids, running, seen, supervisorOf } from '../support/control.ts'
import { portAt } from '../support/ports.ts'
import { waitingShim } from '../support/waiting-shims.ts'

const PORT = ['-p', String(portAt(0)), '-t', '1']
const MEGABYTE = 1024 * 1024

interface Talk {
  readonly socket: Socket
  /** What the supervisor said until it hung up. */
  readonly ended: Promise<string>
}

async function detached(): Promise<{ app: LiveApp; supervisor: number; path: string }> {
  const app = liveApp({ Procfile: 'web: exec sleep 300\ncrash: exec sleep 300\n' })
  await done(app, 'start', '-D', ...PORT, '--restart', 'always')
  await running(app, 'web.1', 'crash.1')
  const path = readFileSync(join(app.state(), 'socket'), 'utf8').trim()
  return { app, supervisor: supervisorOf(app), path }
}

function talk(path: string, ...parts: readonly (string | Buffer)[]): Talk {
  const socket = connect({ path, allowHalfOpen: true })
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = new Promise<string>((resolve) => {
    // Hung up upon in the middle of a sentence is an answer too.
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(text))
  })
  for (const part of parts) socket.write(part)
  return { socket, ended }
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
  const { app, supervisor, path } = await detached()
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
    const said = await talk(path, text).ended
    expect(JSON.parse(said), text.slice(0, 80)).toMatchObject({ ok: false })
    expect(said).not.toContain('\u001b')
  }
  expect(JSON.parse(await talk(path, Buffer.from([0xff, 0xfe, 0x0a])).ended)).toMatchObject({ ok: false })
  // Only the first of two is heard.
  await talk(path, '{"do":"reload"}\n{"do":"stop","targets":[]}\n').ended
  expect(pids(app)).toEqual(before)
  expect(seen(app).session).toMatchObject({ counts: { web: 1, crash: 1 }, stopped: [] })
  await supervises(app, supervisor)
  await stopped(app)
})

test('a message that does not end, and one that is too long, cost no memory', async () => {
  const { app, supervisor, path } = await detached()
  const memory = memoryOf(supervisor)
  const long = Array.from({ length: 20 }, () => talk(path, Buffer.alloc(10 * MEGABYTE, 'x')))
  for (const { ended } of long) await ended
  const longest = await talk(path, `{"do":"scale","words":["${'x'.repeat(300_000)}"]}\n`).ended
  expect(longest).toMatch(/^$|"ok":false/)
  expect(memoryOf(supervisor) - memory).toBeLessThan(60 * MEGABYTE)
  await supervises(app, supervisor)
  await stopped(app)
})

test(
  'a thousand clients that say nothing, half of a word, or do not listen, are hung up on',
  { timeout: 40_000 },
  async () => {
    const { app, supervisor, path } = await detached()
    await waitingShim(app)
    const memory = memoryOf(supervisor)
    const descriptors = descriptorsOf(supervisor)
    const begun = performance.now()
    const clients = Array.from({ length: 1_000 }, (_, index) => {
      const one = index % 4 === 0 ? talk(path) : talk(path, '{"do":"sca')
      // Half-open: its end is closed, ours is not.
      if (index % 4 === 2) one.socket.end()
      if (index % 4 === 3) one.socket.pause()
      return one
    })
    await until('them to be there', () => descriptorsOf(supervisor) > descriptors + 50)
    await supervises(app, supervisor)
    expect(descriptorsOf(supervisor) - descriptors).toBeLessThan(200)
    // A real command among them waits for its turn.
    await done(app, 'scale', 'web+1')
    expect(seen(app).session?.counts['web']).toBe(2)
    await running(app, 'web.1', 'web.2', 'crash.1')
    for (const { socket } of clients) socket.resume()
    await Promise.all(clients.map(({ ended }) => ended))
    expect(performance.now() - begun).toBeLessThan(25_000)
    await until('their descriptors to be closed', () => descriptorsOf(supervisor) <= descriptors + 2)
    expect(memoryOf(supervisor) - memory).toBeLessThan(60 * MEGABYTE)
    await supervises(app, supervisor)
    await stopped(app)
  },
)

test('one that speaks letter by letter is heard, in time', async () => {
  const { app, path } = await detached()
  const { socket, ended } = talk(path)
  for (const letter of '{"do":"scale","words":["web=2"]}\n') {
    socket.write(letter)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(JSON.parse(await ended)).toEqual({ ok: true, lines: ['web: 1 -> 2'] })
  await running(app, 'web.1', 'web.2', 'crash.1')
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

interface Dying {
  readonly supervisor: number
  readonly path: string
}

/** Kills the supervisor, and answers in its place as one that dies with the question in its hands. */
async function dyingFor({ supervisor, path }: Dying, asked: () => void): Promise<void> {
  kill9(supervisor)
  await until('the supervisor to be gone', () => !existsSync(`/proc/${supervisor}`))
  rmSync(path)
  const server = createServer((socket) =>
    socket.once('data', () => {
      asked()
      // The next supervisor listens under that name.
      server.close()
      socket.destroy()
    }),
  )
  await new Promise<void>((resolve) => server.listen(path, resolve))
}

test('what is added while the supervisor dies is added once, by the next one', async () => {
  const { app, ...dying } = await detached()
  let asked = 0
  await dyingFor(dying, () => (asked += 1))
  expect(await done(app, 'scale', 'web+1')).toContain('web: 1 -> 2')
  expect(asked).toBe(1)
  await running(app, 'web.1', 'web.2', 'crash.1')
  await stopped(app)
})

test('what a dying supervisor may have added is not added again, and that is said', async () => {
  const { app, ...dying } = await detached()
  const file = join(app.state(), 'formation.json')
  await dyingFor(dying, () => writeFileSync(file, `${readFileSync(file, 'utf8')}\n`))
  const { code, stderr } = await app.cli(['scale', 'web+1'])
  expect(code).toBe(1)
  expect(stderr).toContain('the supervisor died while it was asked: it may have happened or not')
  await done(app, 'ps')
  await running(app, 'web.1', 'crash.1')
  await stopped(app)
})

test('a socket that was removed is there again, with its folder', async () => {
  const { app, supervisor, path } = await detached()
  rmSync(dirname(path), { recursive: true })
  expect(await done(app, 'scale', 'web=2')).toBe('web: 1 -> 2\n')
  await running(app, 'web.1', 'web.2', 'crash.1')
  rmSync(path)
  await until('it to be there again', () => existsSync(path))
  await supervises(app, supervisor)
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
