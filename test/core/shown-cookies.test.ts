import { describe, expect, test } from 'vitest'
import { isAllAnew, knownPage, unknownIn } from '../../src/core/shown-cookies.ts'
import type { Page } from '../../src/core/shown-cookies.ts'

/** `200 sid=1 theme=dark`, or `302 to /login`. */
function page(text: string): Page {
  const [, status, , location, set = ''] = /^(\d+)( to (\S+))?(.*)$/.exec(text) ?? []
  const pairs = set.split(' ').filter((pair) => pair !== '')
  const cookies = pairs.map((pair) => ({ name: pair.split('=')[0] ?? '', pair }))
  return { status: Number(status), location, cookies }
}

function jarOf(text: string): Map<string, string> {
  return new Map(page(`0 ${text}`).cookies.map(({ name, pair }) => [name, pair]))
}

describe('what the answer of another process shows of a cookie', () => {
  const asked = { path: '/cart', from: 'web.1', by: 'web.2', shown: jarOf('sid=3 theme=dark') }

  test.for([
    // The first visit, the second one with the jar before it, and the answer of the other one.
    ['200', '200', '', '200', []],
    ['200', '200', '', '200 sid=9', ['sid']],
    ['200 sid=3', '200 sid=3', 'sid=3', '200 sid=9', ['sid']],
    ['200 sid=3', '200 sid=3', 'sid=3', '200 sid=3', []],
    ['200 sid=2', '200 sid=3', 'sid=2', '200 sid=9', []],
    ['200 sid=2', '200 sid=3', 'sid=2', '200 sid=9 theme=light', ['theme']],
    ['200', '200', '', '302 to /login', ['sid, theme']],
    ['200 sid=2', '200 sid=3', 'sid=2', '302 to /login', ['sid, theme']],
    ['302 to /a', '302 to /a', '', '302 to /login', ['sid, theme']],
    // As a page that sends its visitors away with another state each time.
    ['302 to /a?state=1', '302 to /a?state=2', '', '302 to /a?state=3', []],
    ['302 to /a?state=1', '302 to /a?state=2', '', '302 to /a?state=3 sid=9', ['sid']],
    ['200', '429', '', '200', []],
  ] as const)('%s, %s, %s; %s', ([first, second, jar, answer, names]) => {
    const known = knownPage(page(first), page(second), jarOf(jar))
    expect(unknownIn(known, page(answer), asked).map(({ subject }) => subject)).toEqual(names)
  })

  test('is said', () => {
    const known = knownPage(page('200'), page('200'), asked.shown)
    expect(
      ['200 sid=9', '302 to /login'].flatMap((text) =>
        unknownIn(known, page(text), asked).map(({ evidence }) => evidence),
      ),
    ).toEqual([
      'cookie "sid" set by web.1 was unknown to web.2 (GET /cart: it was given a new one)',
      'cookie "sid, theme" set by web.1 was unknown to web.2 (GET /cart: 302 to /login instead of 200)',
    ])
  })
})

test.for([
  ['200 sid=2', 'sid=1', true],
  ['200 sid=1', 'sid=1', false],
  ['200', 'sid=1', false],
  ['200 csrf=2', 'sid=1 csrf=1', false],
  ['200 csrf=2 sid=2', 'sid=1 csrf=1', true],
  ['200 csrf=2', '', true],
] as const)('%s for %s: all of it is given anew: %s', ([text, jar, expected]) => {
  expect(isAllAnew(knownPage(page(text), page(text), jarOf(jar)), jarOf(jar))).toBe(expected)
})
