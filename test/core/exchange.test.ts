import { describe, expect, test } from 'vitest'
import { answeringAt, decodeExchange, describeLost, lostSessions } from '../../src/core/exchange.ts'
import type { Exchange } from '../../src/core/exchange.ts'
import { processId } from '../../src/core/names.ts'

function exchange(change: Partial<Exchange> & { readonly web: number }): Exchange {
  const { web, ...rest } = change
  const plain = { run: 1, from: 0, to: 0, method: 'GET', path: '/cart', status: 200, sent: [], set: [] }
  return { ...plain, process: processId('web', web), ...rest }
}
const sid = (key: number) => [{ name: 'sid', key }]
const given = exchange({ web: 1, path: '/login', set: sid(7) })

describe('lost sessions', () => {
  const lost = (...exchanges: Exchange[]): string[] => lostSessions(exchanges).map(describeLost)

  test('one that another process sends to the login', () => {
    const away = exchange({ web: 2, sent: sid(7), status: 302, location: '/login' })
    expect(lost(given, away)).toEqual([
      'cookie "sid" set by web.1 was unknown to web.2 (GET /cart: 302 to /login)',
    ])
  })

  test('one that the same process does not know after its restart', () => {
    const known = exchange({ web: 1, sent: sid(7) })
    const away = exchange({ web: 1, run: 2, sent: sid(7), status: 401 })
    expect(lost(given, known, away)).toEqual([
      'cookie "sid" set by web.1 was unknown to web.1 after its restart (GET /cart: 401)',
    ])
  })

  test('one for which another process gives a new one', () => {
    expect(lost(given, exchange({ web: 2, sent: sid(7), set: sid(8) }))).toEqual([
      'cookie "sid" set by web.1 was unknown to web.2 (GET /cart: 200)',
    ])
  })

  test.for([
    ['known to both', [exchange({ web: 1, sent: sid(7) }), exchange({ web: 2, sent: sid(7) })]],
    ['refused by who set it', [exchange({ web: 1, sent: sid(7), status: 403 })]],
    [
      'left alone by who gives another',
      [exchange({ web: 2, sent: sid(7), set: [{ name: 'csrf', key: 1 }] })],
    ],
    ['prolonged with the same value', [exchange({ web: 2, sent: sid(7), set: sid(7) })]],
    ['not modified', [exchange({ web: 2, sent: sid(7), status: 304 })]],
    ['of nobody that was seen', [exchange({ web: 2, sent: sid(99), status: 302 })]],
  ] as const)('not one that is %s', ([, exchanges]) => {
    expect(lost(given, ...exchanges)).toEqual([])
  })

  test.for([300, 301, 302, 308, 399, 401, 403, 404])('one that another process answers with %i', (status) => {
    expect(lost(given, exchange({ web: 2, sent: sid(7), status }))).toHaveLength(1)
  })

  test.for([204, 304, 400, 402, 405, 500])('not one that another process answers with %i', (status) => {
    expect(lost(given, exchange({ web: 2, sent: sid(7), status }))).toEqual([])
  })

  test('the one that was answered well before is surer than others that come along', () => {
    const theme = [{ name: 'theme', key: 1 }]
    const set = exchange({ web: 1, path: '/', set: [...sid(7), ...theme] })
    const well = exchange({ web: 1, sent: sid(7) })
    const away = exchange({ web: 2, sent: sid(7), status: 302 })
    const other = exchange({ web: 2, path: '/x', sent: theme, status: 404 })
    expect(lostSessions([set, well, other, away]).map(({ cookie }) => cookie)).toEqual(['sid'])
  })
})

describe('who answered when a file was stamped', () => {
  const first = exchange({ web: 1, from: 1000, to: 1020 })
  const second = exchange({ web: 2, from: 1015, to: 1050 })

  test.for([
    [1004, ['web.1']],
    // The clock of files is behind by up to a tick.
    [992, ['web.1']],
    [1040, ['web.2']],
    [1010, ['web.1', 'web.2']],
    [1060, []],
    [900, []],
  ] as const)('%d: %j', ([time, processes]) => {
    expect(answeringAt([first, second, first], time).map(({ process }) => process)).toEqual(processes)
  })

  test('of one process what it was asked first', () => {
    const more = exchange({ web: 1, from: 1005, to: 1030, method: 'PUT' })
    expect(answeringAt([first, more], 1010)).toEqual([first])
  })
})

test.for([
  [JSON.stringify(given), true],
  [JSON.stringify(given).slice(0, 40), false],
  ['null', false],
  ['[]', false],
  [JSON.stringify({ ...given, process: '../web' }), false],
  [JSON.stringify({ ...given, status: '200' }), false],
  [JSON.stringify({ ...given, sent: [null] }), false],
  [JSON.stringify({ ...given, sent: [{ name: 'sid' }] }), false],
  [JSON.stringify({ ...given, set: {} }), false],
] as const)('a line of the trace: %s', ([line, isOne]) => {
  expect(decodeExchange(line)).toEqual(isOne ? given : undefined)
})
