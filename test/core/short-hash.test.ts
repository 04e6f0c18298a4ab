import { expect, test } from 'vitest'
import { shortHash } from '../../src/core/short-hash.ts'

/** Published for FNV-1a of 64 bits: another hash would look for the state of what runs in another place. */
test.each([
  ['', 'cbf29ce484222325'],
  ['a', 'af63dc4c8601ec8c'],
  ['foobar', '85944171f73967e8'],
  ['/home/ann/shop21640', '0005555fdd8a9e67'],
])('of %j it is %s', (text, hash) => {
  expect(shortHash(text)).toBe(hash)
})
