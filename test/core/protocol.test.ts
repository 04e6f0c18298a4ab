import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeReply, decodeRequest, LONGEST_MESSAGE } from '../../src/core/protocol.ts'
import type { Reply, Request } from '../../src/core/protocol.ts'

const RUNS = { numRuns: 40 }

const text = fc.string({ unit: 'binary', maxLength: 20 })
const words = fc.array(text, { maxLength: 4 })

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ do: fc.constant('scale'), words }),
  fc.record({ do: fc.constantFrom('restart', 'stop'), targets: words }),
  fc.record({ do: fc.constant('reload') }),
)

const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({ ok: fc.constant(true), lines: words }),
  fc.record(
    { ok: fc.constant(false), exitCode: fc.constantFrom(1, 2), message: text, hint: text },
    { requiredKeys: ['ok', 'exitCode', 'message'] },
  ),
)

const MESSAGES: [string, fc.Arbitrary<object>, (line: string) => object | undefined][] = [
  ['a request', request, decodeRequest],
  ['a reply', reply, decodeReply],
]

describe.each(MESSAGES)('%s', (_, messages, decode) => {
  test('is read as it was written, in one line', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const line = JSON.stringify(message)
        expect(line).not.toMatch(/[\r\n]/)
        expect(decode(line)).toEqual(message)
        expect(decode(`${line}\n`)).toEqual(message)
      }),
      RUNS,
    )
  })

  test('cut off anywhere is none', () => {
    fc.assert(
      fc.property(messages, fc.nat(), (message, at) => {
        const line = JSON.stringify(message)
        expect(decode(line.slice(0, at % line.length))).toBeUndefined()
      }),
      RUNS,
    )
  })

  test('with a byte changed is none, or one of the same shape', () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.string({ maxLength: 1 }), (message, at, other) => {
        const line = JSON.stringify(message)
        const place = at % line.length
        const damaged = decode(line.slice(0, place) + other + line.slice(place + 1))
        expect(damaged && decode(JSON.stringify(damaged))).toEqual(damaged)
      }),
      RUNS,
    )
  })

  test('of any other JSON, or of anything else, is none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 2 }), fc.string()), (line) => {
        expect(decode(line)).toBeUndefined()
      }),
      RUNS,
    )
    for (const line of ['', 'null', '[]', '{}', '1', '"x"', 'true', '\0', '[{"do":"reload"}]'])
      expect(decode(line)).toBeUndefined()
    expect(decode('['.repeat(100_000))).toBeUndefined()
  })

  test('keeps nothing that it does not know', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decode(JSON.stringify({ ...message, PASSWORD: 'x' }))).toEqual(message)
        expect(decode(`{"__proto__":{"a":1},${JSON.stringify(message).slice(1)}`)).toEqual(message)
      }),
      RUNS,
    )
  })
})

describe('a request is not read', () => {
  test.each<[string, unknown]>([
    ['to do nothing', {}],
    ['to do what is unknown', { do: 'shutdown' }],
    ['to do what every object can', { do: 'constructor' }],
    ['to do several things', { do: ['stop'], targets: [] }],
    ['to scale without words', { do: 'scale' }],
    ['to scale by a text', { do: 'scale', words: 'web=1' }],
    ['to scale by a number', { do: 'scale', words: [1] }],
    ['to scale by nothing', { do: 'scale', words: [null] }],
    ['to scale by what looks like a list', { do: 'scale', words: { 0: 'web=1', length: 1 } }],
    ['to scale targets', { do: 'scale', targets: ['web'] }],
    ['to stop without targets', { do: 'stop' }],
    ['to stop words', { do: 'stop', words: ['web'] }],
    ['to restart one text among other things', { do: 'restart', targets: ['web', {}] }],
    ['with a word that is too long', { do: 'stop', targets: ['x'.repeat(129)] }],
    ['with too many words', { do: 'stop', targets: Array.from({ length: 10_001 }, () => 'x') }],
  ])('%s', (_, message) => {
    expect(decodeRequest(JSON.stringify(message))).toBeUndefined()
  })
})

describe('a request is read', () => {
  test('that names the most processes there can be of one type, and it fits', () => {
    const targets = Array.from({ length: 9_999 }, (_, index) => `worker.${index + 1}`)
    const line = JSON.stringify({ do: 'restart', targets })
    expect(line.length).toBeLessThan(LONGEST_MESSAGE)
    expect(decodeRequest(line)).toEqual({ do: 'restart', targets })
  })

  test('with the longest names there can be', () => {
    const target = `${'x'.repeat(63)}.999999999`
    const wholeWord = 'x'.repeat(128)
    const line = JSON.stringify({ do: 'stop', targets: [target, wholeWord] })
    expect(decodeRequest(line)).toEqual({ do: 'stop', targets: [target, wholeWord] })
  })
})

describe('a reply is not read', () => {
  const refused = { ok: false, exitCode: 1, message: 'x' }

  test.each<[string, unknown]>([
    ['that may have worked', { lines: [] }],
    ['that has worked in a word', { ok: 'true', lines: [] }],
    ['that has worked as a number', { ok: 1, lines: [] }],
    ['without lines', { ok: true }],
    ['with a text for lines', { ok: true, lines: 'web: 1 -> 2' }],
    ['with a line that is none', { ok: true, lines: ['x', 1] }],
    ['without a message', { ...refused, message: undefined }],
    ['with a message that is none', { ...refused, message: ['x'] }],
    ['without an exit code', { ...refused, exitCode: undefined }],
    ['with success as its exit code', { ...refused, exitCode: 0 }],
    ['with a verdict as its exit code', { ...refused, exitCode: 3 }],
    ['with a text for an exit code', { ...refused, exitCode: '1' }],
  ])('%s', (_, message) => {
    expect(decodeReply(JSON.stringify({ ...refused }))).toEqual(refused)
    expect(decodeReply(JSON.stringify(message))).toBeUndefined()
  })

  test.each([[null], [1], [['x']], [{}]])('but without its hint, where that is %j', (hint) => {
    expect(decodeReply(JSON.stringify({ ...refused, hint }))).toEqual(refused)
  })
})
