import { expect, test } from 'vitest'
import { describeExactly, duration } from '../../src/core/duration.ts'

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['24h', 86_400_000],
  ['1d', 86_400_000],
  ['250ms', 250],
  ['1ms', 1],
  ['1.5s', 1_500],
  ['0.5', 500],
  ['30', 30_000],
  [' 5M ', 300_000],
  ['30d', 2_592_000_000],
])('"%s" is %i ms', (text, value) => {
  expect(duration(text)).toEqual({ value })
})

test.each([
  '',
  '0',
  '0s',
  '-1',
  '5 m',
  '5x',
  'soon',
  '1e3',
  '31d',
  '0.0001s',
  '9'.repeat(400),
  '.5',
  '5.',
  '1m30s',
])('"%s" is no time', (text) => {
  expect(duration(text)).toEqual({ not: 'a time such as 90s, 10m or 24h' })
})

test.each([
  [0, '0 s'],
  [1, '0.001 s'],
  [49.6, '0.05 s'],
  [300, '0.3 s'],
  [1_400, '1.4 s'],
  [9_999, '9.999 s'],
  [90_000, '90 s'],
  [120_000, '2 min'],
  [600_000, '10 min'],
  [630_000, '630 s'],
])('%i ms are told as %s', (ms, text) => {
  expect(describeExactly(ms)).toBe(text)
})
