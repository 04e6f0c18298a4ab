import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProcessId } from '../../src/core/names.ts'
import { cookieKey, MOST_REMEMBERED, Rotation } from '../../src/core/rotation.ts'
import type { Candidate, Connection } from '../../src/core/rotation.ts'

const web = (number: number, inFlight = 0): Candidate => ({ id: `web.${number}`, inFlight })
const newConnection = (): Connection => ({ last: undefined })

const requests = fc.array(
  fc.record({
    client: fc.nat(4),
    // A client may use several connections.
    connection: fc.nat(1),
    ready: fc.subarray([1, 2, 3, 4], { minLength: 1 }),
    load: fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
  }),
  { maxLength: 60 },
)

describe('never the same process twice running', () => {
  test('for who sends a cookie of its own, whatever connections and whatever cookies of everybody', () => {
    fc.assert(
      fc.property(requests, (all) => {
        const rotation = new Rotation()
        const connections = new Map<string, Connection>()
        const last = new Map<number, ProcessId>()
        for (const { client, connection, ready, load } of all) {
          const key = `${client} ${connection}`
          connections.set(key, connections.get(key) ?? newConnection())
          const candidates = ready.map((number, index) => web(number, load[index]))
          const chosen = rotation.next(candidates, {
            cookie: `theme=dark; sid=${client}`,
            connection: connections.get(key) ?? newConnection(),
          })
          expect(candidates).toContain(chosen)
          const isOther = chosen?.id !== last.get(client)
          expect(isOther || ready.length === 1).toBe(true)
          if (chosen !== undefined) last.set(client, chosen.id)
        }
      }),
    )
  })

  test('for a connection without cookies', () => {
    fc.assert(
      fc.property(requests, (all) => {
        const rotation = new Rotation()
        const connections = Array.from({ length: 5 }, newConnection)
        for (const { client, ready, load } of all) {
          const connection = connections[client] ?? newConnection()
          const before = connection.last
          const candidates = ready.map((number, index) => web(number, load[index]))
          const chosen = rotation.next(candidates, { cookie: undefined, connection })
          expect(chosen?.id !== before || ready.length === 1).toBe(true)
          expect(connection.last).toBe(chosen?.id)
        }
      }),
    )
  })

  test('for a cookie that the app has just given, on another connection', () => {
    // But for the cookie it would be the one with the least to do, again.
    for (const ready of [
      [web(1), web(2, 5)],
      [web(2, 5), web(1)],
    ]) {
      for (const cookie of ['sid=abc', 'theme=dark; sid=abc']) {
        const rotation = new Rotation()
        const first = rotation.next(ready, { cookie: undefined, connection: newConnection() })
        rotation.gave(' sid=abc ; Path=/; HttpOnly', first?.id ?? 'web.9')
        const second = rotation.next(ready, { cookie, connection: newConnection() })
        expect([first?.id, second?.id]).toEqual(['web.1', 'web.2'])
      }
    }
  })

  test('for one whose session cookie was replaced beside a cookie that everybody sends', () => {
    const rotation = new Rotation()
    const ready = [web(1), web(2)]
    const ask = (cookie: string) => rotation.next(ready, { cookie, connection: newConnection() })?.id
    const first = ask('theme=dark; sid=1')
    expect(ask('theme=dark; sid=other')).not.toBe(first)
    // Another header than before, of which only "sid=1" is its own.
    expect(ask('theme=dark; sid=1; new=yes')).not.toBe(first)
  })
})

test('all others are asked in turn, those with the least to do first', () => {
  const rotation = new Rotation()
  const order = Array.from(
    { length: 6 },
    () => rotation.next([web(1), web(2), web(3)], { cookie: undefined, connection: newConnection() })?.id,
  )
  expect(order).toEqual(['web.1', 'web.2', 'web.3', 'web.1', 'web.2', 'web.3'])
  const busy = [web(1, 5), web(2, 1), web(3, 2)]
  expect(rotation.next(busy, { cookie: undefined, connection: newConnection() })?.id).toBe('web.2')
})

test('a client on one connection reaches every process', () => {
  const rotation = new Rotation()
  const connection = newConnection()
  const ready = [web(1), web(2), web(3), web(4)]
  const seen = new Map<string, number>()
  for (let n = 0; n < 400; n += 1) {
    const id = rotation.next(ready, { cookie: 'sid=1', connection })?.id ?? ''
    seen.set(id, (seen.get(id) ?? 0) + 1)
  }
  expect([...seen.values()]).toEqual([100, 100, 100, 100])
})

test('nobody is ready', () => {
  expect(new Rotation().next([], { cookie: 'a=1', connection: newConnection() })).toBeUndefined()
})

test('the memory is bounded, whatever clients send, and the newest are remembered', () => {
  const rotation = new Rotation()
  const ready = [web(1), web(2)]
  for (let n = 0; n < MOST_REMEMBERED; n += 1)
    rotation.next(ready, { cookie: `a=${n}; b=${n}`, connection: newConnection() })
  expect(rotation.size).toBe(MOST_REMEMBERED)
  const first = rotation.next(ready, { cookie: 'mine=1', connection: newConnection() })?.id
  const many = Array.from({ length: 5_000 }, (_, n) => `c${n}=${n}`).join('; ')
  rotation.next(ready, { cookie: many, connection: newConnection() })
  expect(rotation.size).toBe(MOST_REMEMBERED)
  expect(rotation.next(ready, { cookie: 'mine=1', connection: newConnection() })?.id).not.toBe(first)
})

test('who comes again and again is remembered, however many others come between', () => {
  const rotation = new Rotation()
  const ask = (cookie: string, ready: readonly Candidate[]) =>
    rotation.next(ready, { cookie, connection: newConnection() })?.id
  const others = (): void => {
    for (let n = 0; n < MOST_REMEMBERED - 2_000; n += 1) ask(`other=${n} ${rotation.size}`, [web(1), web(2)])
  }
  expect(ask('mine=1', [web(1), web(2, 5)])).toBe('web.1')
  others()
  expect(ask('mine=1', [web(1), web(2, 5)])).toBe('web.2')
  others()
  expect(ask('mine=1', [web(1, 5), web(2)])).toBe('web.1')
})

test('what stands for a cookie tells it from a hundred thousand others', () => {
  const keys = Array.from({ length: 100_000 }, (_, n) => cookieKey(`sid=${n}`))
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys.every(Number.isSafeInteger)).toBe(true)
})
