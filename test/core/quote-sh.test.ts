import { expect, test } from 'vitest'
import { assignments, quoteSh, wordSh } from '../../src/core/quote-sh.ts'

test.each([
  ['web.js', 'web.js', "'web.js'"],
  ['--port=5000,a:b/c@d%e+f-g_h', '--port=5000,a:b/c@d%e+f-g_h', "'--port=5000,a:b/c@d%e+f-g_h'"],
  ['', "''", "''"],
  ['a b', "'a b'", "'a b'"],
  ['a;', "'a;'", "'a;'"],
  ['$a', "'$a'", "'$a'"],
  ['*', "'*'", "'*'"],
  ["it's", "'it'\\''s'", "'it'\\''s'"],
])('%j is typed as %s, and quoted as %s', (text, typed, quoted) => {
  expect(wordSh(text)).toBe(typed)
  expect(quoteSh(text)).toBe(quoted)
})

test('variables are assigned as far as they are set', () => {
  expect(assignments({ A: '1', B: "b'" })).toBe("A='1' B='b'\\'''")
  expect(assignments({ A: '1', B: '2' }, ['C', 'B'])).toBe("B='2'")
})
