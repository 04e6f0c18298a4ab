import { expect, test } from 'vitest'
import { printable } from '../../src/core/printable.ts'

test('what moves the cursor, breaks a line or turns the direction of text is escaped, and nothing else', () => {
  const named = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/u
  const wrong: number[] = []
  for (let code = 0; code < 0x30000; code += 1) {
    // Halves of a pair stand for nothing alone.
    if (code >= 0xd800 && code < 0xe000) continue
    const character = String.fromCodePoint(code)
    if ((printable(character) !== character) !== named.test(character)) wrong.push(code)
  }
  expect(wrong).toEqual([])
  expect(printable('a\u001b[2Jb\u2028c\u{1f600}')).toBe('a\\x1b[2Jb\\u2028c\u{1f600}')
})
