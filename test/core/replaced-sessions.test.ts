import { describe, expect, test } from 'vitest'
import type { Exchange, SeenCookie } from '../../src/core/exchange.ts'
import { processId } from '../../src/core/names.ts'
import { replacedSessions } from '../../src/core/replaced-sessions.ts'

/** `web.1 /cart sid=1 -> sid=2`: who answers, at which page, for what cookies, and what it sets; `web.1:2` in its second run. */
function trace(...lines: readonly string[]): Exchange[] {
  return lines.map((line) => {
    const [head = '', answer = ''] = line.split('->')
    const [who = '', path = '', ...sent] = head.trim().split(' ')
    const [id = '', run = '1'] = who.split(':')
    return {
      process: processId('web', Number(id.replace('web.', ''))),
      run: Number(run),
      from: 0,
      to: 0,
      method: 'GET',
      path,
      status: 200,
      sent: sent.flatMap(cookie),
      set: answer.trim().split(' ').flatMap(cookie),
    }
  })
}

function cookie(text: string): SeenCookie[] {
  const [name = '', key] = text.split('=')
  return key === undefined ? [] : [{ name, key: Number(key) }]
}

const UNDISTURBED = ['web.1 /login -> sid=1', 'web.1 /cart sid=1', 'web.1 /cart sid=1']
const STRANGERS = [
  'web.1 /login -> sid=1',
  'web.2 /cart sid=1 -> sid=2',
  'web.1 /cart sid=2 -> sid=3',
  'web.2 /cart sid=3 -> sid=4',
]
const OWN = 'web.2 /cart sid=4'

function found(undisturbed: readonly string[], disturbed: readonly string[]): string[] {
  return replacedSessions(trace(...undisturbed), trace(...disturbed)).map(
    ({ cookie: name, from, by }) => `${name} of ${from?.process} by ${by.process} at ${by.path}`,
  )
}

test('a session that every other process replaces is found', () => {
  expect(found(UNDISTURBED, [...STRANGERS, OWN])).toEqual(['sid of web.1 by web.2 at /cart'])
})

test('so is one of a single process that does not know it after each restart', () => {
  const restarts = [
    'web.1:1 /login -> sid=1',
    'web.1:1 /cart sid=1',
    'web.1:2 /cart sid=1 -> sid=2',
    'web.1:3 /cart sid=2 -> sid=3',
    'web.1:4 /cart sid=3 -> sid=4',
  ]
  expect(found(UNDISTURBED, restarts)).toEqual(['sid of web.1 by web.1 at /cart'])
})

describe('nothing is said where', () => {
  test.for([
    [
      'nobody was there with a cookie undisturbed',
      ['web.1 /login -> sid=1', 'web.1 /cart'],
      [...STRANGERS, OWN],
    ],
    [
      'the page was not visited undisturbed',
      ['web.1 /login -> sid=1', 'web.1 /c sid=1'],
      [...STRANGERS, OWN],
    ],
    [
      'the page replaces it undisturbed, too',
      [...UNDISTURBED, 'web.1 /cart sid=1 -> sid=2'],
      [...STRANGERS, OWN],
    ],
    [
      'the page gives it again undisturbed',
      [...UNDISTURBED, 'web.1 /cart sid=1 -> sid=1'],
      [...STRANGERS, OWN],
    ],
    ['nobody met who had set it', UNDISTURBED, STRANGERS],
    // For its age, or for what is in the store by then.
    ['who has set it replaces it as well', UNDISTURBED, [...STRANGERS, OWN, 'web.2 /cart sid=4 -> sid=5']],
    ['some other process knew it', UNDISTURBED, [...STRANGERS, OWN, 'web.1 /cart sid=4']],
    ['it was too seldom', UNDISTURBED, [...STRANGERS.slice(0, 3), 'web.1 /cart sid=3']],
    [
      'the client has it from elsewhere',
      UNDISTURBED,
      STRANGERS.slice(1).map((one) => one.replace('sid=', 'sid=9')),
    ],
    [
      'it is the name of the process',
      UNDISTURBED,
      [
        'web.1 /login -> sid=1',
        'web.2 /cart sid=1 -> sid=2',
        'web.1 /cart sid=2 -> sid=1',
        'web.2 /cart sid=1 -> sid=2',
        'web.2 /cart sid=2',
      ],
    ],
  ] as const)('%s', ([, undisturbed, disturbed]) => {
    expect(found(undisturbed, disturbed)).toEqual([])
  })
})
