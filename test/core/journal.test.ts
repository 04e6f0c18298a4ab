import { expect, test } from 'vitest'
import { endedEvent, graceOf } from '../../src/core/journal.ts'
import type { Exit, ProcessState } from '../../src/core/process.ts'
import { urlOf } from '../../src/core/router.ts'
import { runOf } from '../support/runs.ts'

test.each([
  [{ told: true }, 9_999, 'some'],
  [{ told: true }, 10_000, 'all'],
  [{ told: false }, 10_000, 'none'],
  [{ told: false, leftoversKillAt: 10_000 }, 9_999, 'some'],
  [{ told: false, leftoversKillAt: 10_000 }, 10_000, 'all'],
])('of one that is %j, and killed at %i, the grace period was had: %s', (change, now, grace) => {
  expect(graceOf(runOf(change), 10_000, now)).toBe(grace)
})

const FAILED: Exit = { kind: 'code', code: 1 }
const run = runOf({ life: 'dead', exit: FAILED, startedAt: 1_000, endedAt: 2_000 })

test.each<[ProcessState & { run: typeof run }, unknown]>([
  [{ phase: 'backoff', run, exit: FAILED, retryAt: 3_000 }, { retryAt: 3_000 }],
  [{ phase: 'exited', run, exit: FAILED, endedAt: 2_000 }, 'exited'],
  [{ phase: 'crashed', run, exit: FAILED, endedAt: 2_000 }, 'crashed'],
  [{ phase: 'stopped', run }, 'stopped'],
])('what comes after an end: %j', (state, next) => {
  expect(endedEvent(state)).toMatchObject({ exit: FAILED, asked: false, endedAt: 2_000, next })
})

test('an end that nobody saw is of the time of its start', () => {
  const lost = runOf({ startedAt: 1_000, stop: { signal: 'SIGTERM', killAt: 1 } })
  expect(endedEvent({ phase: 'stopped', run: lost })).toMatchObject({
    exit: { kind: 'lost', why: 'shim' },
    asked: true,
    endedAt: 1_000,
  })
})

test.each([
  ['127.0.0.1', 'http://127.0.0.1:80'],
  ['::1', 'http://[::1]:80'],
])('the router at %s is at %s', (host, url) => {
  expect(urlOf({ host, port: 80 })).toBe(url)
})
