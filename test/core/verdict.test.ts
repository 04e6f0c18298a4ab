import { expect, test } from 'vitest'
import { isBackingService } from '../../src/core/backing-service.ts'
import { ADVICE, isRule } from '../../src/core/finding.ts'
import type { Finding } from '../../src/core/finding.ts'
import { processId } from '../../src/core/names.ts'
import { advised, proofLine, verdictLines } from '../../src/core/verdict.ts'
import type { Verdict } from '../../src/core/verdict.ts'

const CLEAN: Verdict = {
  version: 1,
  seed: 4181,
  shareNothing: true,
  formation: { web: 3, worker: 2, clock: 0 },
  kept: [],
  url: 'http://127.0.0.1:8080',
  baseline: { passed: true, ms: 3100 },
  proof: {
    rounds: 3,
    failed: 0,
    recycled: 1,
    order: [processId('web', 2)],
    requests: 40,
    ms: 9040,
    slowestStopMs: 420,
    stops: 12,
  },
  findings: [],
  ignored: [],
  notLookedAt: [],
}

function withFindings(...findings: readonly Finding[]): Verdict {
  return { ...CLEAN, shareNothing: false, findings: findings.map(advised) }
}

test('a clean app at a glance', () => {
  expect(proofLine(CLEAN)).toBe(
    'proof      seed 4181: 3 web, 2 worker behind http://127.0.0.1:8080, 1 recycled, 40 requests in 9.0 s',
  )
  expect(verdictLines(CLEAN)).toEqual([
    '✔ session   the tests passed 3 times whoever answered (40 requests)',
    '✔ files     no file written in the app, or seen open elsewhere, survives',
    '✔ assets    no asset was compiled while it ran',
    '✔ shared    no file, memory or port shared by two processes',
    '✔ stop      slowest of 12 stops took 0.4 s; nothing survived',
    'share-nothing: nothing found in 9.0 s',
  ])
})

test('what there is none of is not told', () => {
  const proof = { ...CLEAN.proof, requests: 0 }
  expect(proofLine({ ...CLEAN, formation: { web: 1, clock: 0 }, url: null, proof })).toBe(
    'proof      seed 4181: 1 web, 1 recycled in 9.0 s',
  )
})

test.each([
  [0, 'every process knew what one had set'],
  [1, 'the tests passed 1 time whoever answered (40 requests)'],
])('the tests ran %i times: %s', (rounds, said) => {
  expect(verdictLines({ ...CLEAN, proof: { ...CLEAN.proof, rounds } })[0]).toBe(`✔ session   ${said}`)
})

test('each finding with its evidence, and for each rule once what it breaks and what to do', () => {
  const file = (subject: string): Finding => ({ rule: 'files', subject, evidence: `${subject} was written` })
  const lines = verdictLines(withFindings(file('a'), file('b')))
  expect(lines.filter((line) => line.includes('was written'))).toEqual([
    '✘ files     a was written',
    '✘ files     b was written',
  ])
  const advice = lines.filter((line) => line.includes(ADVICE.files.instead))
  expect(advice).toEqual([`            ${ADVICE.files.breaks} ${ADVICE.files.instead}`])
  expect(lines.indexOf(advice[0] ?? '')).toBe(lines.indexOf('✘ files     a was written') + 1)
  expect(lines.at(-1)).toBe('not share-nothing: 2 findings; repeat with --seed 4181')
})

test('many findings of a line are counted', () => {
  const many = Array.from({ length: 9 }, (_, index): Finding => {
    return { rule: 'session', subject: `c${index}`, evidence: `cookie ${index}` }
  })
  const lines = verdictLines(withFindings(...many))
  expect(lines.filter((line) => line.startsWith('✘'))).toHaveLength(5)
  expect(lines.slice(1, 7)).toEqual([
    `            ${ADVICE.session.breaks} ${ADVICE.session.instead}`,
    ...[1, 2, 3, 4].map((index) => `✘ session   cookie ${index}`),
    '            and 4 more',
  ])
  expect(lines.at(-1)).toMatch(/^not share-nothing: 9 findings/)
  expect(verdictLines(withFindings(...many.slice(0, 5))).filter((line) => line.endsWith('more'))).toEqual([])
  expect(verdictLines(withFindings(...many.slice(0, 6)))).toContain('            and 1 more')
})

test('what was meant, and what was not looked at, is said', () => {
  const meant = { rule: 'files', subject: 'log/a', evidence: 'log/a was written' } as const
  const lines = verdictLines({ ...CLEAN, ignored: [meant], notLookedAt: ['memory'] })
  expect(lines).toContain('- files     log/a was written (ignored)')
  expect(lines).toContain('? not looked at here: memory')
  expect(lines.at(-1)).toBe('share-nothing: nothing found but what is ignored, in 9.0 s')
})

test('tests that asked nothing of the app have shown nothing of sessions, beside all that was found', () => {
  const nothing = { ...CLEAN, shareNothing: false, nothingToProve: 'your tests asked nothing of it' }
  const lines = verdictLines({ ...nothing, proof: { ...CLEAN.proof, requests: 0 } })
  expect([lines[0], lines[1], lines.at(-1)]).toEqual([
    '? session   the tests asked nothing of http://127.0.0.1:8080, and so nobody answered them',
    '✔ files     no file written in the app, or seen open elsewhere, survives',
    'nothing to prove of sessions: your tests asked nothing of it',
  ])
  const file = { rule: 'files', subject: 'a', evidence: 'a was written' } as const
  const found = verdictLines({ ...nothing, findings: [advised(file)] })
  expect(found.slice(-2)).toEqual([
    'not share-nothing: 1 finding; repeat with --seed 4181',
    'nothing to prove of sessions: your tests asked nothing of it',
  ])
})

test('tests that failed are not said to have passed, whatever is ignored', () => {
  const meant = { rule: 'tests', subject: 'tests', evidence: 'the tests failed' } as const
  const lines = verdictLines({ ...CLEAN, proof: { ...CLEAN.proof, failed: 1 }, ignored: [meant] })
  expect(lines.slice(0, 2)).toEqual([
    '- session   the tests failed in 1 of 3 rounds, and all that was found of it is ignored',
    '✔ files     no file written in the app, or seen open elsewhere, survives',
  ])
  expect(lines).toContain('- tests     the tests failed (ignored)')
})

test('every rule has its advice, and is a name of --ignore', () => {
  for (const [rule, { breaks, instead }] of Object.entries(ADVICE)) {
    expect(isRule(rule)).toBe(true)
    expect(breaks).toMatch(/\.$/)
    expect(instead).toMatch(/\.$/)
  }
})

test.for([
  ['redis-server --port $PORT', true],
  ['exec redis-server', true],
  ['/usr/sbin/memcached -p $PORT', true],
  ['LANG=C exec postgres -D data', false],
  ['LANG=C postgres -D data', true],
  ['A=1 postgres', true],
  [' redis-server', true],
  ['node web.js', false],
  ['bundle exec sidekiq -r redis-server', false],
  ['', false],
] as const)('%s is a backing service: %s', ([command, expected]) => {
  expect(isBackingService(command)).toBe(expected)
})
