import { existsSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { ask, dial, routed } from '../support/routed.ts'
import type { Routed, Web } from '../support/routed.ts'

/** Each test has ports of its own, which begin here. */
let taken = 0
const next = (): Promise<Routed> => routed(portAt(10 * taken++))
const plain: RequestListener = (_, response) => response.end('plain')

interface Echo extends Web {
  readonly sockets: WebSocketServer
  readonly headers: NodeJS.Dict<string | string[]>[]
}

/** A web process that sends back what it gets, with its name in front. */
async function echo(app: Routed, instance: number): Promise<Echo> {
  const web = await app.web(instance, plain)
  const sockets = new WebSocketServer({ server: web.server })
  const headers: NodeJS.Dict<string | string[]>[] = []
  sockets.on('connection', (socket, request) => {
    headers.push(request.headers)
    socket.on('error', () => {})
    socket.on('message', (data, isBinary) => {
      if (isBinary) socket.send(data)
      else socket.send(`${web.id} ${(data as Buffer).toString()}`)
    })
  })
  return { ...web, sockets, headers }
}

interface Client {
  readonly socket: WebSocket
  readonly got: (string | Buffer)[]
  code(): number | undefined
}

function open(app: Routed, headers = {}): Client {
  const socket = new WebSocket(`ws://127.0.0.1:${app.port}/chat?room=1`, { headers })
  onTestFinished(() => socket.terminate())
  const got: (string | Buffer)[] = []
  let code: number | undefined
  socket.on('message', (data, isBinary) =>
    got.push(isBinary ? (data as Buffer) : (data as Buffer).toString()),
  )
  socket.on('error', () => {})
  socket.on('close', (closed) => (code = closed))
  return { socket, got, code: () => code }
}

const isOpen = ({ socket }: Client) => socket.readyState === WebSocket.OPEN

test('an echo, with text, a megabyte, a ping and a proper end', async () => {
  const app = await next()
  const web = await echo(app, 1)
  const client = open(app, { 'x-forwarded-for': '6.6.6.6' })
  await until('it to open', () => isOpen(client))
  client.socket.send('hello')
  await until('the echo', () => client.got.length === 1)
  expect(client.got).toEqual(['web.1 hello'])
  const big = Buffer.alloc(1_000_000, 'x')
  client.socket.send(big)
  await until('the big echo', () => client.got.length === 2)
  expect(big.equals(client.got[1] as Buffer)).toBe(true)
  let pong = ''
  client.socket.on('pong', (data) => (pong = data.toString()))
  client.socket.ping('are you there')
  await until('the pong', () => pong === 'are you there')
  expect(web.headers).toEqual([
    expect.objectContaining({
      host: `127.0.0.1:${app.port}`,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    }),
  ])
  client.socket.close(4_001, 'enough')
  await until('both ends to be closed', () => client.code() === 4_001 && web.sockets.clients.size === 0)
  expect(app.router.underWay).toBe(0)
})

test('never twice running to the same process, by cookie', async () => {
  const app = await next()
  await echo(app, 1)
  await echo(app, 2)
  await until('both', () => app.router.ready === 2)
  const order: unknown[] = []
  for (let n = 0; n < 6; n += 1) {
    const client = open(app, { cookie: 'sid=1' })
    client.socket.on('open', () => client.socket.send('?'))
    await until('an answer', () => client.got.length === 1)
    order.push(client.got[0])
    // Somebody else, so that taking turns would give the same one again.
    await ask(app.url)
  }
  expect(order.filter((id, index) => id === order[index - 1])).toEqual([])
})

test('holds up no drain, but its beginning does, and the app closes it', async () => {
  const app = await next()
  const web = await echo(app, 1)
  const client = open(app)
  await until('it to open', () => isOpen(client))
  web.toBeStopped()
  await until('the drain', () => existsSync(join(web.path, 'drained')))
  expect(isOpen(client)).toBe(true)
  client.socket.send('still')
  await until('the echo', () => client.got.length === 1)
  // What an app does at SIGTERM.
  for (const one of web.sockets.clients) one.close(1_001)
  await until('the end', () => client.code() === 1_001)
})

test('while the app has not said yes, it holds up a drain', async () => {
  const app = await next()
  const web = await app.web(1, plain)
  let say = (): void => {}
  web.server.on('upgrade', (_, socket) => {
    say = () =>
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
      )
  })
  await until('it', () => app.router.ready === 1)
  const socket = dial(app.port)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n')
  await until('it to be asked', () => app.router.underWay === 1)
  web.toBeStopped()
  await until('the router to read of it', () => app.router.ready === 0)
  expect(existsSync(join(web.path, 'drained'))).toBe(false)
  say()
  // What comes right behind the headers is not lost.
  await until('yes', () => /^HTTP\/1\.1 101 [^]*\r\n\r\nhello$/.test(socket.text()))
  await until('the drain', () => existsSync(join(web.path, 'drained')))
  socket.destroy()
})

test('an app that says no is heard', async () => {
  const app = await next()
  const web = await app.web(1, plain)
  web.server.on('upgrade', (_, socket) =>
    socket.end('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nwho?'),
  )
  await until('it', () => app.router.ready === 1)
  const socket = dial(app.port)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await until('no', () => socket.readableEnded)
  expect(socket.text()).toMatch(
    /^HTTP\/1\.1 401 Unauthorized\r\n[^]*www-authenticate: basic[^]*\r\n\r\nwho\?$/i,
  )
  await until('it to be over', () => app.router.underWay === 0)
})

test('one that refuses: another one gets it; none: 503; one that dies: 502', async () => {
  const app = await next()
  const one = await echo(app, 1)
  const other = await echo(app, 2)
  await until('both', () => app.router.ready === 2)
  one.die()
  for (let n = 0; n < 3; n += 1) {
    const client = open(app)
    await until('it to open', () => isOpen(client))
  }
  expect(other.headers).toHaveLength(3)
  other.server.removeAllListeners('upgrade')
  other.server.on('upgrade', (_, socket) => socket.destroy())
  const failed = async (): Promise<string> => {
    const socket = dial(app.port)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await until('an answer', () => socket.readableEnded)
    return socket.text()
  }
  expect(await failed()).toMatch(/^HTTP\/1\.1 502 [^]*502 tw-run: web\.2 ended, or broke the connection/)
  other.die()
  expect(await failed()).toMatch(
    /^HTTP\/1\.1 503 [^]*503 tw-run: no web process is ready: web\.1 refuses connections, web\.2 refuses/,
  )
  expect(app.router.underWay).toBe(0)
})

test('either side that vanishes takes the other with it', async () => {
  const app = await next()
  const web = await echo(app, 1)
  const [first, second] = [open(app), open(app)]
  await until('both to open', () => isOpen(first) && isOpen(second))
  first.socket.terminate()
  await until('the app to hear of it', () => web.sockets.clients.size === 1)
  for (const one of web.sockets.clients) one.terminate()
  expect(await until('the client to hear of it', () => second.code())).toBe(1_006)
})

test('a router that is told to stop closes what nobody knows the end of, after the requests under way', async () => {
  const app = await next()
  let answer = (): void => {}
  const web = await app.web(1, (_, response) => (answer = () => response.end('late')))
  const sockets = new WebSocketServer({ server: web.server })
  const client = open(app)
  await until('it to open', () => isOpen(client))
  const late = ask(app.url)
  await until('it to be asked', () => web.urls.includes('/'))
  app.router.stop()
  expect(isOpen(client)).toBe(true)
  answer()
  expect((await late).body).toBe('late')
  await until('the socket to be closed', () => client.code() !== undefined)
  await app.ended
  sockets.close()
})
