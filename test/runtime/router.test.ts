import { randomUUID } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { ask, dial, routed } from '../support/routed.ts'
import type { Routed, Web } from '../support/routed.ts'

/** Each test has ports of its own, which begin here. */
let taken = 0
const next = (headersWithinMs?: number): Promise<Routed> =>
  routed(portAt(10 * taken++), headersWithinMs === undefined ? {} : { headersWithinMs })

const naming =
  (name: string) =>
  (_request: unknown, response: { end(text: string): void }): void =>
    response.end(name)

async function webs(app: Routed, count: number): Promise<Web[]> {
  const all: Web[] = []
  for (let n = 1; n <= count; n += 1) all.push(await app.web(n, naming(`web.${n}`)))
  // Until the router has read of all of them.
  const seen = new Set<string>()
  while (seen.size < count) seen.add((await ask(app.url)).body)
  return all
}

describe('never sticky', () => {
  test('on one kept-alive connection', async () => {
    const app = await next()
    await webs(app, 3)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const order: string[] = []
    for (let n = 0; n < 9; n += 1) order.push((await ask(app.url, { agent })).body)
    agent.destroy()
    expect(order.filter((id, index) => id === order[index - 1])).toEqual([])
    expect(new Set(order).size).toBe(3)
  })

  test('by the cookie that the app gave, on connections of their own, with two processes', async () => {
    const app = await next()
    for (const n of [1, 2])
      await app.web(n, (_, response) =>
        response.setHeader('Set-Cookie', `sid=${randomUUID()}`).end(`web.${n}`),
      )
    await until('both', () => app.router.ready === 2)
    for (let round = 0; round < 5; round += 1) {
      const first = await ask(app.url)
      const cookie = first.headers['set-cookie']?.[0] ?? ''
      // Others ask in between, so that taking turns alone would not do.
      for (let n = 0; n < round; n += 1) await ask(app.url)
      const second = await ask(app.url, { headers: { cookie } })
      expect(second.body).not.toBe(first.body)
    }
  })
})

describe('a message is what it was', () => {
  test('headers: doubled, in another alphabet, of the connection, and who asked', async () => {
    const app = await next()
    let got: string[] = []
    await app.web(1, (incoming, response) => {
      got = incoming.rawHeaders
      response.writeHead(201, 'Made', ['X-Name', 'J\u00fcrgen', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
      // As bytes: Node writes headers like the text that comes with them.
      response.end(Buffer.from('made'))
    })
    const socket = dial(app.port)
    socket.write(
      'GET /a%20b?q=1 HTTP/1.1\r\nHost: app.test\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Forwarded-For: 6.6.6.6\r\n' +
        'Forwarded: for=6.6.6.6\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Name: J\u00fcrgen\r\n\r\n',
      'latin1',
    )
    await until('the answer', () => socket.readableEnded)
    expect(socket.text()).toMatch(/^HTTP\/1\.1 201 Made\r\n/)
    expect(socket.text()).toContain('X-Name: J\u00fcrgen\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n')
    expect(got.join('\n')).not.toMatch(/6\.6\.6\.6|X-Hop/i)
    const pairs = got.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${got[index + 1]}`] : []))
    expect(pairs).toEqual(
      expect.arrayContaining([
        'host: app.test',
        'X-Twice: 1',
        'x-twice: 2',
        'X-Name: J\u00fcrgen',
        'x-forwarded-for: 127.0.0.1',
        'x-forwarded-proto: http',
        'x-forwarded-host: app.test',
        `x-forwarded-port: ${app.port}`,
      ]),
    )
  })

  test.each([
    ['known', { 'content-length': String(5_000_000) }],
    ['chunked', { 'transfer-encoding': 'chunked' }],
    ['announced', { 'content-length': String(5_000_000), expect: '100-continue' }],
  ])('a big body, its length %s, both ways', async (_how, headers) => {
    const app = await next()
    await app.web(1, (incoming, response) => void incoming.pipe(response))
    const body = Buffer.alloc(5_000_000, 'abcdefghijk')
    const { status, body: back } = await ask(app.url, { method: 'POST', headers }, body)
    expect([status, back.length, back === body.toString('latin1')]).toEqual([200, body.length, true])
  })

  test('an upload is handed on as it comes', async () => {
    const app = await next()
    const chunks: string[] = []
    await app.web(1, (incoming, response) => {
      incoming.on('data', (chunk) => chunks.push(String(chunk)))
      incoming.on('end', () => response.end('thanks'))
    })
    const upload = request(app.url, { method: 'PUT', agent: false })
    for (const piece of ['one', 'two', 'three']) {
      upload.write(piece)
      await until(piece, () => chunks.join('').endsWith(piece))
    }
    const answered = new Promise<number | undefined>((resolve) =>
      upload.on('response', (response) => resolve(response.resume().statusCode)),
    )
    upload.end()
    expect(await answered).toBe(200)
  })

  test('events are handed on as they come, and the end of the client reaches the app', async () => {
    const app = await next()
    let send = (_text: string): void => {}
    let hasClosed = false
    await app.web(1, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      // Its headers, long before there is an event.
      response.flushHeaders()
      send = (text) => void response.write(`data: ${text}\n\n`)
      response.on('close', () => (hasClosed = true))
    })
    const socket = dial(app.port)
    socket.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('the headers', () => socket.text().includes('text/event-stream'))
    for (const event of ['first', 'second']) {
      send(event)
      await until(event, () => socket.text().includes(`data: ${event}\n\n`))
    }
    expect(hasClosed).toBe(false)
    socket.destroy()
    await until('the app to hear of it', () => hasClosed)
  })

  describe('the head of a request is not kept back for its body', () => {
    const LENGTH = 'Content-Length: 5\r\n'
    const CHUNKED = 'Transfer-Encoding: chunked\r\n'
    const post = (app: Routed, path: string, more: string): ReturnType<typeof dial> => {
      const socket = dial(app.port)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nX-Name: J\u00fcrgen\r\n${more}\r\n`, 'latin1')
      return socket
    }

    test.each([
      ['of a known length', LENGTH, ''],
      ['in chunks', CHUNKED, ''],
      ['to be asked for', `${LENGTH}Expect: 100-continue\r\n`, 'HTTP/1.1 100 Continue\r\n\r\n'],
    ])('an early no reaches who has sent nothing of a body %s', async (_what, more, before) => {
      const app = await next()
      let asked: string[] = []
      await app.web(1, (incoming, response) => {
        asked = incoming.rawHeaders
        response.writeHead(401, 'No', ['X-Why', 'J\u00fcrgen']).end('who are you?')
      })
      await until('it', () => app.router.ready === 1)
      const socket = post(app, '/early', more)
      await until('the answer', () => socket.text().includes('who are you?'))
      expect(socket.text().slice(0, before.length + 15)).toBe(`${before}HTTP/1.1 401 No`)
      expect(socket.text()).toContain('X-Why: J\u00fcrgen\r\n')
      expect(asked).toEqual(expect.arrayContaining(['X-Name', 'J\u00fcrgen', 'x-forwarded-for']))
      expect(app.router.underWay).toBe(0)
      // What it goes on to send is read, and the connection goes on.
      socket.write(more === CHUNKED ? '5\r\nhello\r\n0\r\n\r\n' : 'hello')
      socket.write('GET /next HTTP/1.1\r\nHost: a\r\n\r\n')
      await until('the next answer', () => socket.text().match(/who are you\?/g)?.length === 2)
      socket.destroy()
    })

    test.each([
      ['known', LENGTH, ['hel', 'lo']],
      ['unknown', CHUNKED, ['3\r\nhel\r\n', '2\r\nlo\r\n0\r\n\r\n']],
    ])('its body follows as it comes, its length %s', async (_how, more, [first = '', second = '']) => {
      const app = await next()
      let got: string | undefined
      const web = await app.web(1, (incoming, response) => {
        got = ''
        incoming.on('data', (chunk) => (got += String(chunk)))
        incoming.on('end', () => {
          response.writeHead(200, { trailer: 'X-Sum' })
          response.write(`${incoming.headers['content-length']} ${got}.`)
          response.addTrailers({ 'X-Sum': '42' })
          response.end()
        })
      })
      await until('it', () => app.router.ready === 1)
      const socket = post(app, '/', more)
      await until('its head to arrive', () => got === '')
      socket.write(first)
      await until('the beginning to arrive', () => got === 'hel')
      socket.write(second)
      await until('the answer', () => socket.text().endsWith('X-Sum: 42\r\n\r\n'))
      expect(socket.text()).toContain(`${more === LENGTH ? 5 : undefined} hello.`)
      expect(web.urls).toEqual(['/'])
      socket.destroy()
    })

    test('one that refuses, one that dies before its answer and within it, and a client that goes away', async () => {
      const app = await next()
      const [refusing] = await webs(app, 1)
      let hasClosed = false
      const web = await app.web(2, (incoming, response) => {
        if (incoming.url === '/half') response.writeHead(200, { 'content-length': 100 }).write('half')
        if (incoming.url === '/leave') response.on('close', () => (hasClosed = true))
        else incoming.socket.end()
      })
      await until('both', () => app.router.ready === 2)
      refusing?.die()
      for (const path of ['/die', '/half', '/die', '/half']) {
        const socket = post(app, path, LENGTH)
        const answer =
          path === '/die' ? /^HTTP\/1\.1 502 .*web\.2 ended, or broke/s : /^HTTP\/1\.1 200 .*half$/s
        await until(`the end of ${path}`, () => answer.test(socket.text()))
        if (path === '/half') await until('it to break off', () => socket.destroyed || socket.readableEnded)
        socket.destroy()
      }
      expect(app.said.filter((text) => text.includes('did not answer'))).toHaveLength(4)
      const leaving = post(app, '/leave', LENGTH)
      await until('it to be asked', () => web.urls.includes('/leave'))
      leaving.destroy()
      await until('the app to hear of it', () => hasClosed)
      await until('the router to forget them', () => app.router.underWay === 0)
    })

    test('a big answer to a slow reader, and a big body to a slow app', async () => {
      const app = await next()
      const size = 20_000_000
      let read = 0
      await app.web(1, (incoming, response) => {
        if (incoming.url === '/early') response.end(Buffer.alloc(size, 'x'))
        else {
          incoming.on('data', (chunk: Buffer) => (read += chunk.length)).pause()
          setImmediate(() => incoming.resume())
          incoming.on('end', () => response.end('all of it'))
        }
      })
      await until('it', () => app.router.ready === 1)
      const reader = post(app, '/early', LENGTH)
      reader.pause()
      await until('the answer to wait', () => reader.readableLength > 0 || reader.bytesRead > 0)
      reader.resume()
      await until('all of it', () => reader.bytesRead > size)
      reader.destroy()
      const writer = post(app, '/', `Content-Length: ${size}\r\n`)
      await until('its head to arrive', () => app.router.underWay === 1)
      writer.write(Buffer.alloc(size, 'x'))
      await until('the answer', () => writer.text().endsWith('all of it'))
      expect(read).toBe(size)
      writer.destroy()
    })
  })

  test('HEAD, 204, 304, trailers and HTTP/1.0', async () => {
    const app = await next()
    await app.web(1, (incoming, response) => {
      const status = Number(incoming.url?.slice(1))
      if (incoming.url === '/trailers') {
        response.writeHead(200, { trailer: 'X-Sum' })
        response.write('body')
        response.addTrailers({ 'X-Sum': '42' })
        response.end()
      } else
        response
          .writeHead(status, { etag: '"e"', ...(status === 200 && { 'content-length': 4 }) })
          .end('body')
    })
    const head = await ask(`${app.url}/200`, { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '4', ''])
    for (const status of [204, 304]) {
      const answer = await ask(`${app.url}/${status}`)
      expect([answer.status, answer.headers.etag, answer.body]).toEqual([status, '"e"', ''])
    }
    expect((await ask(`${app.url}/trailers`)).trailers).toEqual({ 'x-sum': '42' })
    const socket = dial(app.port)
    socket.write('GET /trailers HTTP/1.0\r\n\r\n')
    await until('the end', () => socket.readableEnded)
    expect(socket.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nbody$/)
    expect(socket.text()).not.toMatch(/transfer-encoding/i)
  })

  test.each([
    [304, '1234', 'close'],
    [304, '1234', 'keep-alive'],
    // Only of a 304 may it say how long the body would be (RFC 9110, 8.6).
    [204, undefined, 'close'],
    [204, undefined, 'keep-alive'],
  ])('a %i with the length of a body that does not follow', async (status, length, connection) => {
    const app = await next()
    await app.web(1, ({ socket }) => {
      const head = ['ETag: "a"', 'Content-Length: 1234', `Connection: ${connection}`]
      socket.write(`HTTP/1.1 ${status} NM\r\n${head.join('\r\n')}\r\n\r\n`)
      if (connection === 'close') socket.end()
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let n = 0; n < 3; n += 1) {
      const { headers, ...answer } = await ask(app.url, { agent })
      expect([answer.status, headers.etag, headers['content-length'], answer.body]).toEqual([
        status,
        '"a"',
        length,
        '',
      ])
    }
    agent.destroy()
    expect(app.said.join()).not.toContain('did not answer')
    expect(app.router.underWay).toBe(0)
  })

  test('an answer before the request is whole, to a client that goes on sending', async () => {
    const app = await next()
    await app.web(1, (incoming, response) => {
      if (incoming.method === 'POST') response.writeHead(413).end('too much')
      else response.end('fine')
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { status } = await ask(app.url, { method: 'POST', agent }, Buffer.alloc(3_000_000))
    expect(status).toBe(413)
    // On the same connection.
    expect((await ask(app.url, { agent })).body).toBe('fine')
    agent.destroy()
  })

  const LENGTH = 'Content-Length: 5\r\n'
  const CHUNKED = 'Transfer-Encoding: chunked\r\n'
  test.each([
    ['without a body', 'GET', '', []],
    ['a body behind its headers', 'POST', LENGTH, [['hello', 'hello']]],
    [
      'a body in pieces',
      'POST',
      LENGTH,
      [
        ['he', 'he'],
        ['llo', 'hello'],
      ],
    ],
    [
      'a body in chunks',
      'PUT',
      CHUNKED,
      [
        ['3\r\nhel\r\n', 'hel'],
        ['2\r\nlo\r\n0\r\n\r\n', 'hello'],
      ],
    ],
    [
      'a body to be asked for',
      'POST',
      `${LENGTH}Expect: 100-continue\r\n`,
      [
        ['', ''],
        ['hello', 'hello'],
      ],
    ],
  ] as const)('an offer of HTTP/2 is passed over: %s', async (_what, method, more, pieces) => {
    const app = await next()
    let got = ''
    let asked: string[] = []
    await app.web(1, (incoming, response) => {
      asked = incoming.rawHeaders
      incoming.on('data', (chunk) => (got += String(chunk)))
      incoming.on('end', () => response.end(`${incoming.method} ${incoming.url} had ${got}.`))
    })
    const socket = dial(app.port)
    let head =
      `${method} /a%20b HTTP/1.1\r\nHost: a\r\nX-Name: J\u00fcrgen\r\n` +
      `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n${more}\r\n`
    if (pieces.length === 0) socket.write(head, 'latin1')
    for (const [piece, whole] of pieces) {
      socket.write(head + piece, 'latin1')
      head = ''
      if (piece === '') await until('to be asked', () => socket.text().includes(' 100 Continue'))
      await until(`${whole} to arrive`, () => got === whole)
    }
    await until('the answer', () => socket.text().includes(`${method} /a%20b had ${got}.`))
    expect(asked).toEqual(expect.arrayContaining(['X-Name', 'J\u00fcrgen']))
    expect(asked.join()).not.toMatch(/upgrade|h2c|settings/i)
    // The connection goes on like any other.
    got = ''
    socket.write('GET /next HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('the next answer', () => socket.text().includes('GET /next had .'))
    socket.destroy()
  })
})

describe('who is ready', () => {
  test('nobody: 503 in plain text, and why', async () => {
    const app = await next()
    const { status, headers, body } = await ask(app.url)
    expect([status, headers['content-type'], body]).toEqual([
      503,
      'text/plain; charset=utf-8',
      '503 tw-run: no web process runs\n',
    ])
    await app.web(1, naming('web.1'), { reason: 'does not listen on port 5000' })
    expect((await ask(app.url)).body).toContain('web.1 does not listen on port 5000')
  })

  test('a request waits for one that gets ready', async () => {
    const app = await next()
    const answer = ask(app.url, { method: 'POST' }, 'body')
    await app.web(1, (incoming, response) => void incoming.pipe(response))
    expect(await answer).toMatchObject({ status: 200, body: 'body' })
  })

  test('one that refuses: another one gets the request, whatever its method and with its body', async () => {
    const app = await next()
    const [first] = await webs(app, 1)
    await app.web(2, (incoming, response) => void incoming.pipe(response))
    await until('both', () => app.router.ready === 2)
    // Its server is gone, and nothing in the state directory says so yet.
    first?.die()
    const size = 200_000
    for (let n = 0; n < 6; n += 1) {
      const { status, body } = await ask(app.url, { method: 'POST' }, Buffer.alloc(size, 'x'))
      expect([status, body.length]).toEqual([200, size])
    }
  })

  test('one that dies with a request: 502, and no other one sees it', async () => {
    const app = await next()
    const dying: Web[] = []
    for (const n of [1, 2])
      dying.push(
        await app.web(n, (incoming, response) =>
          incoming.url?.startsWith('/die') ? dying[n - 1]?.die() : response.end(),
        ),
      )
    await until('both', () => app.router.ready === 2)
    const { status, body } = await ask(`${app.url}/die?secret=1`)
    expect([status, body]).toEqual([502, expect.stringMatching(/^502 tw-run: web\.[12] ended, or broke/)])
    expect(dying.flatMap(({ urls }) => urls)).toEqual(['/die?secret=1'])
    expect(app.said.join()).toMatch(/GET \/die: web\.[12] did not answer/)
    expect(app.said.join()).not.toContain('secret')
    expect((await ask(app.url)).status).toBe(200)
  })

  test('one that dies within its answer: the client sees it break off', async () => {
    const app = await next()
    const web = await app.web(1, (_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      setTimeout(() => web.die(), 50)
    })
    await expect(ask(app.url)).rejects.toThrow(/aborted|hang up/)
  })

  test('a new run takes the place of an old one', async () => {
    const app = await next()
    const [old] = await webs(app, 1)
    old?.die()
    await until('the port', () => old?.server.listening === false)
    await app.web(1, naming('again'))
    expect((await ask(app.url)).body).toBe('again')
  })

  test('one that listens on the other loopback address alone', async () => {
    const app = await next()
    const [web] = await webs(app, 1)
    web?.die()
    await new Promise<void>((resolve) => web?.server.close(() => resolve()))
    await new Promise<void>((resolve) => web?.server.listen(app.port + 1, '::1', resolve))
    expect((await ask(app.url)).body).toBe('web.1')
  })
})

describe('before one is stopped', () => {
  test('no new request, what is under way ends, then it is said', async () => {
    const app = await next()
    let answer = (): void => {}
    const slow = await app.web(1, (_, response) => (answer = () => response.end('late')))
    await until('it', () => app.router.ready === 1)
    const late = ask(app.url)
    await until('it to be asked', () => slow.urls.length === 1)
    await app.web(2, naming('web.2'))
    await until('the other one', () => app.router.ready === 2)
    slow.toBeStopped()
    const drained = join(slow.path, 'drained')
    await until('web.1 to get no more', () => app.router.ready === 1)
    for (let n = 0; n < 4; n += 1) expect((await ask(app.url)).body).toBe('web.2')
    expect(existsSync(drained)).toBe(false)
    answer()
    expect((await late).body).toBe('late')
    await until('the word', () => existsSync(drained))
    expect(slow.urls).toHaveLength(1)
    let open = 1
    await until('its idle connections to be closed', () => {
      slow.server.getConnections((_, count) => (open = count))
      return open === 0
    })
  })

  test('one that is idle is drained at once', async () => {
    const app = await next()
    const [web] = await webs(app, 1)
    web?.toBeStopped()
    await until('the word', () => existsSync(join(web?.path ?? '', 'drained')))
    expect((await ask(app.url)).body).toBe('503 tw-run: no web process is ready: web.1 is being stopped\n')
  })

  requires(
    'linux',
    'root',
    'mount',
  )('on a full disk the router lives on, says so once, and writes it down when there is room', async () => {
    const app = await next()
    let answer = (): void => {}
    const slow = await app.web(1, (_, response) => (answer = () => response.end('late')))
    await until('it', () => app.router.ready === 1)
    const late = ask(app.url)
    await until('it to be asked', () => slow.urls.length === 1)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=700,nr_inodes=10', 'none', slow.path])
    onTestFinished(() => void execFileSync('umount', ['-l', slow.path]))
    slow.toBeStopped()
    const filler = (n: number): string => join(slow.path, `filler-${n}`)
    expect(() => {
      for (let n = 0; n < 10; n += 1) writeFileSync(filler(n), '')
    }).toThrow('ENOSPC')
    await app.web(2, naming('web.2'))
    await until('the other one', () => app.router.ready === 1 && app.router.underWay === 1)
    answer()
    expect((await late).body).toBe('late')
    const complaints = (): string[] => app.said.filter((text) => text.includes('no space left on the disk'))
    await until('a word of it', () => complaints().length > 0)
    for (let n = 0; n < 4; n += 1) expect((await ask(app.url)).body).toBe('web.2')
    rmSync(filler(0))
    await until('the word', () => existsSync(join(slow.path, 'drained')))
    expect(complaints()).toEqual([
      'cannot write down that web.1 has answered its requests: no space left on the disk. It is stopped after 5 s',
    ])
  })
})

describe('hostile clients', () => {
  test('slow-loris: a thousand connections that never end their headers cost nobody else anything', async () => {
    const app = await next(2_000)
    await webs(app, 2)
    const slow = Array.from({ length: 1_000 }, () => dial(app.port))
    for (const socket of slow) socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-A: ')
    const drip = setInterval(() => {
      for (const socket of slow) socket.write('b')
    }, 500)
    for (let n = 0; n < 20; n += 1) expect((await ask(app.url)).status).toBe(200)
    await until(
      'the slow ones to be sent away',
      () => slow.every((one) => one.destroyed || one.readableEnded),
      25_000,
    )
    clearInterval(drip)
    for (const socket of slow) socket.destroy()
    expect(slow[0]?.text()).toMatch(/^HTTP\/1\.1 408 /)
    expect((await ask(app.url)).status).toBe(200)
  }, 40_000)

  test.each([
    ['headers over the limit', `GET / HTTP/1.1\r\nHost: a\r\nX-Big: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['an address over the limit', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['no HTTP', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['no path', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['no path, its body to come', 'OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n', 400],
    [
      'a tab in the path, its body to come',
      'PUT /a\tb HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n',
      400,
    ],
  ])('%s', async (_what, text, status) => {
    const app = await next()
    const [web] = await webs(app, 1)
    const before = web?.urls.length
    const socket = dial(app.port)
    socket.write(text, 'latin1')
    await until(`an answer to ${text.slice(0, 40)}`, () => socket.text() !== '')
    expect(socket.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(web?.urls.length).toBe(before)
    expect((await ask(app.url)).status).toBe(200)
    socket.destroy()
  })

  test('an app whose headers are over the limit: 502', async () => {
    const app = await next()
    await app.web(1, (incoming, response) => {
      if (incoming.url === '/big') response.setHeader('x-big', 'x'.repeat(100_000))
      response.end()
    })
    expect((await ask(`${app.url}/big`)).status).toBe(502)
    expect((await ask(app.url)).status).toBe(200)
  })

  test('a client that goes away while it waits, uploads or reads is forgotten', async () => {
    const app = await next()
    let open = 0
    await app.web(1, (incoming, response) => {
      open += 1
      response.on('close', () => (open -= 1))
      incoming.on('error', () => {})
    })
    await until('it', () => app.router.ready === 1)
    const heads = [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc',
    ]
    const sockets = heads.map((head) => {
      const socket = dial(app.port)
      socket.write(head)
      return socket
    })
    await until('both to be asked', () => open === 2)
    for (const socket of sockets) socket.destroy()
    await until('the app to hear of it', () => open === 0)
    expect(await until('the router to forget them', () => app.router.underWay === 0)).toBe(true)
  })
})

test('told to stop, it answers what is under way, takes nothing new, and ends', async () => {
  const app = await next()
  let answer = (): void => {}
  const web = await app.web(1, (_, response) => (answer = () => response.end('late')))
  await until('it', () => app.router.ready === 1)
  const late = ask(app.url)
  await until('it to be asked', () => web.urls.length === 1)
  app.router.stop()
  await expect(ask(app.url)).rejects.toThrow('ECONNREFUSED')
  answer()
  expect((await late).body).toBe('late')
  await app.ended
})
