import { describe, expect, test } from 'vitest'
import {
  diagnosticLine,
  formatDiagnostic,
  InputError,
  isError,
  type Diagnostic,
} from '../../src/core/diagnostic.ts'

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

  test('wherever that is in a long line, with what comes before and after it', () => {
    const source = Array.from({ length: 200 }, (_, index) => String.fromCharCode(0x4e00 + index)).join('')
    for (let column = 1; column <= 200; column += 1) {
      const [line = '', carets = ''] = drawn(source, column, 1)
      const at = carets.indexOf('^')
      expect([carets.trim(), line[at]]).toEqual(['^', source[column - 1]])
      expect(line.length).toBeLessThanOrEqual(80)
      const before = line.slice(2, at).replace('…', '').length
      expect(before).toBeGreaterThanOrEqual(Math.min(column - 1, 20))
      const after = line.slice(at + 1).replace('…', '').length
      expect(after).toBeGreaterThanOrEqual(Math.min(200 - column, 9))
      expect([line.startsWith('  …'), line.endsWith('…')]).toEqual([
        before < column - 1,
        after < 200 - column,
      ])
    }
  })

  test('but not under nothing', () => {
    expect(drawn(' \t', 1, 1)).toEqual([])
    expect(drawn('ab', 1, 0)).toEqual(['  ab', '  ^'])
  })

  test('and never past the window', () => {
    const [line = '', carets = ''] = drawn('x'.repeat(1000), 1, 1000)
    expect(carets.length).toBeLessThanOrEqual(line.length)
  })
})

test('a diagnostic is told in a line, too, and is an error or not', () => {
  const one = at('web: npm start', 1, 3)
  expect(diagnosticLine(one)).toBe('Procfile:3:1: error: wrong')
  expect(diagnosticLine({ ...one, severity: 'note', hint: 'rename it' })).toBe(
    'Procfile:3:1: note: wrong (rename it)',
  )
  expect((['error', 'warning', 'note'] as const).map((severity) => isError({ ...one, severity }))).toEqual([
    true,
    false,
    false,
  ])
})

test('an input error says what to do', () => {
  expect(new InputError([], [{ message: 'no', hint: 'do' }, { message: 'so' }]).message).toBe(
    'tw-run: no\n  hint: do\ntw-run: so',
  )
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
  const hundred = new InputError(Array<Diagnostic>(100).fill(at('', 1, 1)), [])
  expect(hundred.message).not.toContain('more')
})
