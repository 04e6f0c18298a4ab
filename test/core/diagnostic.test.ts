import { describe, expect, test } from 'vitest'
import { formatDiagnostic, InputError, type Diagnostic } from '../../src/core/diagnostic.ts'

function at(source: string, column: number, length: number): Diagnostic {
  return { severity: 'error', file: 'Procfile', line: 3, column, length, message: 'wrong', source }
}

function drawn(source: string, column: number, length: number): string[] {
  return formatDiagnostic(at(source, column, length))
    .split('\n')
    .slice(1)
}

test('a diagnostic is a place, a sentence, the line, carets and a hint', () => {
  expect(formatDiagnostic({ ...at('web: npm start', 1, 3), hint: 'rename it' })).toMatchInlineSnapshot(`
    "Procfile:3:1: error: wrong
      web: npm start
      ^^^
      hint: rename it"
  `)
})

describe('carets stand under what is meant', () => {
  test.each([
    ['behind tabs', '\tweb x', 6, 1, '      web x', '          ^'],
    [
      'behind control characters, which are shown escaped',
      'a\u001b[31mb',
      7,
      1,
      '  a\\x1b[31mb',
      '           ^',
    ],
    ['behind characters of several units', '👩‍👩‍👧é x', 11, 1, '  👩‍👩‍👧é x', '     ^'],
    ['at the end of the line', 'ab', 3, 1, '  ab', '    ^'],
  ])('%s', (_, source, ...[column, length, line, carets]) => {
    expect(drawn(source, column, length)).toEqual([line, carets])
  })

  test('in a window of a long line', () => {
    const source = `${'a'.repeat(500)}BAD${'c'.repeat(100_000)}`
    const [line = '', carets = ''] = drawn(source, 501, 3)
    expect(line.length).toBeLessThan(82)
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('BAD')
    expect(line.trim()).toMatch(/^…a+BADc+…$/)
  })

  test('and never past the window', () => {
    const [line = '', carets = ''] = drawn('x'.repeat(1000), 1, 1000)
    expect(carets.length).toBeLessThanOrEqual(line.length)
  })
})

test('nothing in a message can turn the direction of the text or move the cursor', () => {
  expect(drawn('web: \u202Etxt.exe \u0007\u2028', 1, 3)[0]).toBe('  web: \\u202etxt.exe \\x07\\u2028')
})

test('an input error shows a hundred, and how many more there are', () => {
  const { message, diagnostics } = new InputError(Array<Diagnostic>(150).fill(at('', 1, 1)), [
    { message: 'no' },
  ])
  expect(diagnostics).toHaveLength(150)
  expect(message.split('\n')).toHaveLength(101)
  expect(message.endsWith('and 51 more')).toBe(true)
})
