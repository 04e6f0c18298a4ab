import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  forwarded,
  headWithoutOffer,
  isForgeable,
  requestHeaders,
  responseHeaders,
} from '../../src/core/forwarding.ts'

const asked = { remote: '::ffff:10.0.0.7', host: 'app.test:8080', port: 8080 }
const said = [
  ['x-forwarded-for', '10.0.0.7'],
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-host', 'app.test:8080'],
  ['x-forwarded-port', '8080'],
].flat()

test.each([
  ['of the connection', ['Connection', 'keep-alive', 'Keep-Alive', 'timeout=5', 'Proxy-Connection', 'x'], []],
  [
    'named by the connection',
    ['Connection', 'close, X-Secret', 'X-Secret', '1', 'X-Other', '2'],
    ['X-Other', '2'],
  ],
  ['named by it, in front of it', ['X-Secret', '1', 'Connection', 'X-Secret'], []],
  [
    'the length, though named',
    ['Connection', 'content-length', 'Content-Length', '4'],
    ['Content-Length', '4'],
  ],
  [
    'framing, which is made anew',
    ['Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'HTTP2-Settings', 'x'],
    [],
  ],
  ['answered by the router', ['Expect', '100-continue'], []],
  ['trailers are of the message', ['TE', 'trailers', 'Connection', 'te'], ['TE', 'trailers']],
  ['whatever their case', ['TE', ' Trailers '], ['TE', ' Trailers ']],
  ['compression of the connection is not', ['TE', 'gzip'], []],
  ['forged', ['X-Forwarded-For', '6.6.6.6', 'forwarded', 'for=6.6.6.6', 'X-Real-IP', '6.6.6.6'], []],
  ['forged with another name', ['X-Forwarded-Prefix', '/admin', 'X-FORWARDED-PROTO', 'https'], []],
  [
    'of a name that only looks forged',
    ['My-Forwarded', '1', 'X-Real-IP-Hash', '2'],
    ['My-Forwarded', '1', 'X-Real-IP-Hash', '2'],
  ],
  ['doubled, in order', ['Cookie', 'a', 'X', '1', 'X', '2'], ['Cookie', 'a', 'X', '1', 'X', '2']],
  ['another host', ['Host', 'evil.test', 'host', 'worse.test'], []],
])('headers of a request: %s', (_what, raw, kept) => {
  expect(requestHeaders(raw, asked)).toEqual(['host', 'app.test:8080', ...kept, ...said])
})

test('what is not known of a client is not said', () => {
  expect(forwarded({ remote: undefined, host: undefined, port: 80 })).toEqual([
    ['x-forwarded-proto', 'http'],
    ['x-forwarded-port', '80'],
  ])
  for (const remote of ['2001:db8::1', '10.0.0.7', '::ffff:a00:7'])
    expect(forwarded({ ...asked, remote })[0]).toEqual(['x-forwarded-for', remote])
})

test('a request without its offer of another protocol, and no longer than it was', () => {
  const rawHeaders = [
    'Host',
    'a',
    'Connection',
    'Upgrade',
    'upgrade',
    'h2c',
    'X',
    '1',
    'UPGRADE',
    'x',
    'Empty',
    '',
  ]
  const head = { method: 'POST', url: '/a%20b', httpVersion: '1.1', rawHeaders }
  expect(headWithoutOffer(head)).toBe(
    'POST /a%20b HTTP/1.1\r\nHost:a\r\nConnection:Upgrade\r\nX:1\r\nEmpty:\r\n\r\n',
  )
})

test('headers of a response', () => {
  const raw = [
    'Trailer',
    'X-Sum',
    'Connection',
    'close, X-Hop',
    'Keep-Alive',
    'timeout=5',
    'Transfer-Encoding',
    'chunked',
  ]
  const more = ['X-Hop', '1', 'Set-Cookie', 'a', 'set-cookie', 'b']
  const kept = ['Set-Cookie', 'a', 'set-cookie', 'b']
  const all = [...raw, ...more]
  expect(responseHeaders(all, { version: '1.1', status: 200 })).toEqual(['Trailer', 'X-Sum', ...kept])
  expect(responseHeaders(all, { version: '1.0', status: 200 })).toEqual(kept)
  const length = ['Content-Length', '4']
  expect(responseHeaders(length, { version: '1.1', status: 304 })).toEqual(length)
  expect(responseHeaders([...length, ...kept], { version: '1.1', status: 204 })).toEqual(kept)
})

test('whatever a client sends: the app hears of nobody but the client, and nothing else is lost', () => {
  const name = fc.constantFrom(
    'Accept',
    'X-Forwarded-For',
    'x-forwarded-host',
    'Forwarded',
    'X-Real-Ip',
    'Cookie',
    'A',
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.stringMatching(/^[a-z]{1,5}$/))), (pairs) => {
      const headers = requestHeaders(pairs.flat(), asked)
      const kept = pairs.filter(([one]) => !isForgeable(one.toLowerCase()))
      expect(headers).toEqual(['host', 'app.test:8080', ...kept.flat(), ...said])
    }),
  )
})
