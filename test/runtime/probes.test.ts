import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import type { Probe } from '../../src/core/rules.ts'
import { LogSearch } from '../../src/runtime/log-search.ts'
import { probeCommand } from '../../src/runtime/probe-command.ts'
import { probeHttp } from '../../src/runtime/probe-http.ts'
import { Listening, probeListen } from '../../src/runtime/probe-listen.ts'
import { until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const PORT = portAt(0)
const folder = mkdtempSync(join(tmpdir(), 'tw-run-test-probes-'))
const ends: (() => void)[] = []
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

async function serving(listener: RequestListener, port: number, host = '127.0.0.1'): Promise<Server> {
  const server = createServer(listener).listen(port, host)
  await once(server, 'listening')
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return server
}

function page(change: Partial<Probe & { by: 'http' }> = {}): Probe & { by: 'http' } {
  return { by: 'http', path: '/', headers: {}, content: undefined, port: undefined, ...change }
}

const never = new AbortController().signal

test.for([
  [200, undefined],
  [204, undefined],
  [302, undefined],
  [399, undefined],
  [400, 'answered 400'],
  [404, 'answered 404'],
  [503, 'answered 503'],
] as const)('an answer of %i', async ([status, reason]) => {
  await serving((_, response) => response.writeHead(status).end('x'), PORT)
  expect(await probeHttp(page(), PORT, never)).toBe(reason)
})

test('the body has to hold a text, of which no more is read than a mebibyte', async () => {
  let sent = 0
  await serving((request, response) => {
    if (request.url === '/short') {
      response.end('grüße von hier')
      return
    }
    // Without end.
    const part = 'x'.repeat(64 * 1024)
    const more = (): void => {
      while (!response.destroyed && response.write(part)) sent += part.length
    }
    response.on('drain', more)
    more()
  }, PORT)
  expect(await probeHttp(page({ path: '/short', content: 'grüße' }), PORT, never)).toBeUndefined()
  expect(await probeHttp(page({ path: '/short', content: 'tschüss' }), PORT, never)).toBe(
    'the answer does not hold "tschüss"',
  )
  expect(await probeHttp(page({ content: 'y' }), PORT, never)).toBe('the answer does not hold "y"')
  expect(sent).toBeLessThan(64 * 1024 * 1024)
})

test('headers, host and path are sent as they were written, what no request may hold encoded', async () => {
  const seen: (string | undefined)[] = []
  await serving((request, response) => {
    seen.push(request.url, request.headers['x-a'] as string, request.headers.host)
    response.end()
  }, PORT)
  const headers = { 'X-A': 'b', Host: 'app.example' }
  expect(await probeHttp(page({ path: '/a b/ü?x=%2F&y=1', headers }), PORT, never)).toBeUndefined()
  expect(seen).toEqual(['/a%20b/%C3%BC?x=%2F&y=1', 'b', 'app.example'])
  expect(await probeHttp(page({ path: '/\ud800' }), PORT, never)).toBeUndefined()
})

test('a server on the other loopback address is found, and nobody is said to be nobody', async () => {
  await serving((_, response) => response.end(), PORT + 1, '::1')
  expect(await probeHttp(page(), PORT + 1, never)).toBeUndefined()
  expect(await probeHttp(page(), PORT + 2, never)).toBe('nobody listens')
})

test('a server that hangs up or speaks something else is a reason, and one that hangs can be left', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (data) => {
      if (String(data).includes('/bye')) socket.destroy()
      else if (String(data).includes('/ssh')) socket.end('SSH-2.0-x\r\n')
    })
  }).listen(PORT + 3, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close())
  expect(await probeHttp(page({ path: '/bye' }), PORT + 3, never)).toBe('it hung up')
  expect(await probeHttp(page({ path: '/ssh' }), PORT + 3, never)).toMatch(/Parse Error/)
  const abort = new AbortController()
  const asking = probeHttp(page({ path: '/hang' }), PORT + 3, abort.signal)
  abort.abort()
  expect(await asking).toMatch(/abort/i)
})

const ENV = { PATH: process.env['PATH'] ?? '', TW_RUN_INSTANCE: '00000000000000cc' }
const CONTEXT = { cwd: folder, env: ENV, token: ENV.TW_RUN_INSTANCE }

test.for([
  [['true'], undefined],
  [['sh', '-c', 'exit 3'], 'exit code 3'],
  [['sh', '-c', 'kill -9 $$'], 'exit code 137'],
  [['there-is-no-such-thing'], 'there is no such program'],
  [['sh', '-c', 'test "$(pwd)" = "$1"', 'x', folder], undefined],
  [['sh', '-c', 'test -z "$HOME" -a "$TW_RUN_INSTANCE" = 00000000000000cc'], undefined],
  [['tr\0ue'], expect.stringContaining('cannot be run')],
] as const)('the command %j', async ([command, reason]) => {
  expect(await probeCommand(command, CONTEXT, never)).toEqual(reason)
})

/** The living processes with these words as their arguments. */
function running(words: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      if (!/^\d+$/.test(name)) return []
      const text = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()
      return text === words ? [Number(name)] : []
    } catch {
      // It has just ended.
      return []
    }
  })
}

test('what a command leaves in its group ends with it', async () => {
  const command = ['sh', '-c', 'sleep 4711 & sleep 4711 & exit 0']
  expect(await probeCommand(command, CONTEXT, never)).toBeUndefined()
  await until('nothing to be left', () => running('sleep 4711').length === 0)
})

test('a command that is left is killed with its group, also when it has another environment', async () => {
  const abort = new AbortController()
  const probing = probeCommand(
    ['env', '-i', 'sh', '-c', 'trap "" TERM; sleep 4712 & sleep 4712'],
    CONTEXT,
    abort.signal,
  )
  await until('both to run', () => running('sleep 4712').length === 2)
  abort.abort()
  expect(await probing).toBe('exit code 137')
  await until('nothing to be left', () => running('sleep 4712').length === 0)
})

test('who listens is found by the table, and without one by a connection', async () => {
  await serving((_, response) => response.end(), PORT + 4, '::1')
  const noTable = { has: () => undefined } as unknown as Listening
  for (const listening of [new Listening(), noTable]) {
    expect(await probeListen(PORT + 4, listening, never)).toBeUndefined()
    expect(await probeListen(PORT + 5, listening, never)).toBe(`does not listen on port ${PORT + 5}`)
  }
})

// Elsewhere the kernel does not tell.
for (const address of ['127.0.0.1', '::1', '::'])
  requires('linux')(
    `who comes and who goes at ${address} is seen by the next look, and not by the one that has begun`,
    async () => {
      const listening = new Listening()
      // Nearly always the first look; another socket of this machine may go as ours comes.
      const isSeen = (isThere: boolean): Promise<unknown> =>
        until(`it to be ${isThere ? 'there' : 'gone'}`, () => {
          listening.lookAgain()
          return listening.has(PORT + 6) === isThere
        })
      expect(listening.has(PORT + 6)).toBe(false)
      const server = await serving((_, response) => response.end(), PORT + 6, address)
      expect(listening.has(PORT + 6)).toBe(false)
      await isSeen(true)
      server.close()
      await once(server, 'close')
      expect(listening.has(PORT + 6)).toBe(true)
      await isSeen(false)
    },
  )

requires('linux')('who goes as another one comes is not taken to be there still', async () => {
  const listening = new Listening()
  const first = await serving((_, response) => response.end(), PORT + 6)
  expect(listening.has(PORT + 6)).toBe(true)
  first.close()
  await once(first, 'close')
  await serving((_, response) => response.end(), PORT + 7)
  listening.lookAgain()
  expect(listening.has(PORT + 6)).toBe(false)
})

test('a line is found in a log that grows, in pieces, in colours, and without its end', () => {
  const path = join(folder, 'log')
  writeFileSync(path, 'first\r\n')
  const search = new LogSearch(path, '^größe: \\d+ ready$')
  expect(search.look()).toBe(false)
  appendFileSync(path, Buffer.from('\u001b[1mgröße').subarray(0, 8))
  expect(search.look()).toBe(false)
  appendFileSync(path, Buffer.concat([Buffer.from('\u001b[1mgröße').subarray(8), Buffer.from(': 7 re')]))
  expect(search.look()).toBe(false)
  appendFileSync(path, 'ady\u001b[0m')
  expect(search.look()).toBe(true)
})

test('a long log is looked through piece by piece, and a long line only at its beginning', () => {
  const path = join(folder, 'long')
  writeFileSync(path, `${'x'.repeat(700_000)}ready\n${'line\n'.repeat(10_000)}go`)
  const end = new LogSearch(path, '^go$')
  let looks = 1
  while (!end.look()) looks += 1
  expect(looks).toBeGreaterThan(2)
  const inside = new LogSearch(path, 'ready')
  for (let count = 0; count < 2 * looks; count += 1) expect(inside.look()).toBe(false)
})
