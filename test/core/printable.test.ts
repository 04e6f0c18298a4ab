import { expect, test } from 'vitest'
import { printable, printableCommand } from '../../src/core/printable.ts'

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

test.each([
  ['node\0web.js\0--port\x001\0', 'node web.js --port 1'],
  ['  sh -c\n\tx \u001b[2J ', 'sh -c x \\x1b[2J'],
  ['x'.repeat(80), 'x'.repeat(80)],
  ['x'.repeat(81), `${'x'.repeat(77)}...`],
])('the command %j is shown as %j', (text, shown) => {
  expect(printableCommand(text)).toBe(shown)
})
