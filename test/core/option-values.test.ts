import { expect, test } from 'vitest'
import { address, addressText, list, portRange, restart, seconds } from '../../src/core/option-values.ts'

test.each([
  ['true', { host: '127.0.0.1', port: 8080 }],
  ['1', { host: '127.0.0.1', port: 8080 }],
  ['false', undefined],
  ['0', undefined],
  ['3000', { host: '127.0.0.1', port: 3000 }],
  ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
  ['localhost:1', { host: 'localhost', port: 1 }],
  ['[::1]:65535', { host: '::1', port: 65_535 }],
])('the address "%s"', (text, value) => {
  expect(address(text)).toEqual({ value })
})

test.each([
  '',
  '00',
  '65536',
  '100000',
  'localhost',
  'localhost:',
  ':80',
  '::1',
  '::1:80',
  '[::1]',
  '[x]:80',
  'a b:80',
  '80x',
])('"%s" is no address', (text) => {
  expect(address(text)).toEqual({ not: 'a port or host:port' })
})

test.each([
  ['127.0.0.1', 8080, '8080'],
  ['0.0.0.0', 80, '0.0.0.0:80'],
  ['::1', 80, '[::1]:80'],
])('an address at %s, port %i, is typed as %s', (host, port, text) => {
  expect(addressText({ host, port })).toBe(text)
  expect(address(text)).toEqual({ value: { host, port } })
})

test.each([
  ['5', 5_000],
  ['5.', 5_000],
  ['.5', 500],
  ['1.25', 1_250],
  ['86400', 86_400_000],
])('"%s" s are %i ms', (text, value) => {
  expect(seconds(text)).toEqual({ value })
})

test.each(['', '.', '5s', '86400.001', '1e3', '+1'])('"%s" is no number of seconds', (text) => {
  expect(seconds(text)).toEqual({ not: 'a number of seconds from 0 to 86400' })
})

test.each([
  ['no', { when: 'no' }],
  ['on-failure', { when: 'on-failure' }],
  ['on-failure:12', { when: 'on-failure', limit: 12 }],
  ['Always', { when: 'always' }],
])('the policy "%s"', (text, value) => {
  expect(restart(text)).toEqual({ value })
})

test.each(['', 'never', 'not-always', 'always:1', 'no:1', 'on-failure:0', 'on-failure:1000', 'on-failure:'])(
  '"%s" is no policy',
  (text) => {
    expect(restart(text)).toEqual({ not: 'one of no, on-failure, on-failure:N, always' })
  },
)

test.each([
  ['web', ['web']],
  [' web,worker  clock,, ', ['web', 'worker', 'clock']],
  ['', []],
])('the list "%s"', (text, value) => {
  expect(list(text)).toEqual({ value })
})

test.each([
  ['20000-31999', { first: 20_000, last: 31_999 }],
  ['1-65535', { first: 1, last: 65_535 }],
  ['5-5', { first: 5, last: 5 }],
])('the range "%s"', (text, value) => {
  expect(portRange(text)).toEqual({ value })
})

test.each(['', '5', '5-', '-5', '6-5', '0-5', '5-65536', '5 - 6', 'a-b', 'x5-6', '5-6x'])(
  '"%s" is no range',
  (text) => {
    expect(portRange(text)).toEqual({ not: 'a range of ports such as 20000-31999' })
  },
)
