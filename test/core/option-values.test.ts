import { expect, test } from 'vitest'
import { address, portRange } from '../../src/core/option-values.ts'

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
  ['20000-31999', { first: 20_000, last: 31_999 }],
  ['1-65535', { first: 1, last: 65_535 }],
  ['5-5', { first: 5, last: 5 }],
])('the range "%s"', (text, value) => {
  expect(portRange(text)).toEqual({ value })
})

test.each(['', '5', '5-', '-5', '6-5', '0-5', '5-65536', '5 - 6', 'a-b'])('"%s" is no range', (text) => {
  expect(portRange(text)).toEqual({ not: 'a range of ports such as 20000-31999' })
})
