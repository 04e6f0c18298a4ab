import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutLines, LONGEST_LINE, pieceEnds } from '../../src/core/lines.ts'

const NEWLINE = 0x0a

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A line of so many bytes, without its newline. */
function long(length: number, fill = 'x'): Uint8Array {
  return new Uint8Array(length).fill(fill.charCodeAt(0))
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

describe('bytes are shown up to the end of their last whole line', () => {
  test.each([
    ['', 0],
    ['a', 0],
    ['a\n', 2],
    ['\n', 1],
    ['a\nb', 2],
    ['a\nb\n', 4],
    ['a\n\n\nb', 4],
    ['a\r\nb\r', 3],
    ['ä\nö', 3],
  ])('%j: %i', (text, length) => {
    expect(cutLines(bytes(text), false)).toEqual({ length, isPartial: false })
  })

  test('though they are no text', () => {
    expect(cutLines(Uint8Array.of(0xff, 0, 0xc3, NEWLINE, 0x80), false)).toEqual({
      length: 4,
      isPartial: false,
    })
  })
})

describe('at the end', () => {
  test.each([
    ['', 0, false],
    ['a', 1, true],
    ['a\n', 2, false],
    // The whole lines first, the rest when it is asked for again.
    ['a\nb', 2, false],
  ])('%j: %i, partial %s', (text, length, isPartial) => {
    expect(cutLines(bytes(text), true)).toEqual({ length, isPartial })
  })
})

describe('a line that is too long is cut', () => {
  test.each([
    [LONGEST_LINE - 1, 0],
    [LONGEST_LINE, 0],
    [LONGEST_LINE + 1, LONGEST_LINE],
    [2 * LONGEST_LINE + 1, LONGEST_LINE],
  ])('of %i bytes so far: %i are shown', (length, shown) => {
    expect(cutLines(long(length), false)).toEqual({ length: shown, isPartial: shown > 0 })
  })

  test('but not one that is as long as a line may be', () => {
    const line = join(long(LONGEST_LINE), bytes('\n'))
    expect(cutLines(line, false)).toEqual({ length: LONGEST_LINE + 1, isPartial: false })
  })

  test.each([
    ['ä', 1],
    ['€', 1],
    ['€', 2],
    ['😀', 1],
    ['😀', 2],
    ['😀', 3],
  ])('not within a character: %s, of which %i bytes would fit', (character, fitting) => {
    const start = LONGEST_LINE - fitting
    const line = join(long(start), bytes(character.repeat(3)))
    expect(cutLines(line, false)).toEqual({ length: start, isPartial: true })
  })

  test('between two characters, where that is the place', () => {
    const line = join(long(LONGEST_LINE - 4), bytes('😀😀'))
    expect(cutLines(line, false)).toEqual({ length: LONGEST_LINE, isPartial: true })
  })

  test('anywhere if it is no text', () => {
    const line = long(LONGEST_LINE + 10).fill(0x80)
    expect(cutLines(line, false)).toEqual({ length: LONGEST_LINE, isPartial: true })
  })

  test('in pieces at its end too', () => {
    expect(cutLines(long(LONGEST_LINE + 5), true)).toEqual({ length: LONGEST_LINE, isPartial: true })
  })
})

describe('the pieces of one line, as they are shown while it comes', () => {
  test.each([
    [0, []],
    [5, [6]],
    [LONGEST_LINE, [LONGEST_LINE + 1]],
    [LONGEST_LINE + 1, [LONGEST_LINE, LONGEST_LINE + 2]],
    [3 * LONGEST_LINE, [LONGEST_LINE, 2 * LONGEST_LINE, 3 * LONGEST_LINE + 1]],
  ])('%i bytes and a newline', (length, ends) => {
    expect(pieceEnds(length === 0 ? bytes('') : join(long(length), bytes('\n')))).toEqual(ends)
  })

  test('end before a character that would be cut, also without a newline', () => {
    const line = bytes('€'.repeat(LONGEST_LINE))
    const ends = pieceEnds(line)
    const pieces = ends.map((end, index) => line.slice(ends[index - 1] ?? 0, end))
    expect(ends.slice(0, 2)).toEqual([LONGEST_LINE - 1, 2 * (LONGEST_LINE - 1)])
    expect(ends.at(-1)).toBe(line.length)
    const texts = pieces.map((piece) => new TextDecoder('utf-8', { fatal: true }).decode(piece))
    expect(texts.join('').length).toBe(LONGEST_LINE)
  })
})

interface Piece {
  readonly from: number
  readonly to: number
  readonly isPartial: boolean
}

/** Reads a growing file as the follower does: always anew from where the last cut ended. */
function follow(file: Uint8Array, growth: readonly number[], memory: number): Piece[] {
  const pieces: Piece[] = []
  let [offset, size] = [0, 0]
  const take = (isEnd: boolean): boolean => {
    const seen = file.subarray(offset, Math.min(size, offset + memory))
    const { length, isPartial } = cutLines(seen, isEnd && offset + seen.length === file.length)
    if (length > 0) pieces.push({ from: offset, to: offset + length, isPartial })
    offset += length
    return length > 0
  }
  for (const more of growth) {
    size = Math.min(file.length, size + more)
    take(false)
  }
  size = file.length
  while (take(true)) continue
  return pieces
}

/** What is wrong with the pieces in which a file was shown. */
function faults(file: Uint8Array, pieces: readonly Piece[]): string[] {
  const wrong: string[] = []
  let end = 0
  for (const { from, to, isPartial } of pieces) {
    if (from !== end) wrong.push(`${from} follows ${end}`)
    end = to
    if (isPartial === (file[to - 1] === NEWLINE)) wrong.push(`${to} is said to be partial: ${isPartial}`)
    const lastLine = file.subarray(from, to - 1).lastIndexOf(NEWLINE) + 1
    if (to - from - lastLine > LONGEST_LINE + 1) wrong.push(`the line up to ${to} is too long`)
    const isCutEarly = isPartial && to < file.length && to - from <= LONGEST_LINE - 4
    if (isCutEarly) wrong.push(`the line up to ${to} need not have been cut`)
  }
  return end === file.length ? wrong : [...wrong, `${end} of ${file.length} bytes were shown`]
}

describe('whatever is written, however it arrives', () => {
  test('every byte is shown once and in order, in whole lines but for the last', () => {
    const byte = fc.constantFrom(NEWLINE, NEWLINE, 0, 0x20, 0x61, 0x80, 0xc3, 0xff)
    const file = fc.array(byte, { maxLength: 60 }).map((all) => Uint8Array.from(all))
    const growth = fc.array(fc.nat(9), { maxLength: 20 })
    fc.assert(
      fc.property(file, growth, (written, steps) => {
        const pieces = follow(written, steps, LONGEST_LINE + 1)
        expect(faults(written, pieces)).toEqual([])
        const unfinished = pieces.filter(({ isPartial }) => isPartial)
        expect(unfinished.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 300 },
    )
  })

  test('so are lines longer than any memory holds', () => {
    const nearly = fc.constantFrom(-4, -1, 0, 1, 2, 700).map((more) => LONGEST_LINE + more)
    const line = fc.tuple(nearly, fc.constantFrom('x', '\x80'), fc.boolean())
    const growth = fc.array(fc.constantFrom(1, 4_096, LONGEST_LINE - 1, LONGEST_LINE + 3), { maxLength: 5 })
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 2 }), growth, (lines, steps) => {
        const parts = lines.map(([length, fill, ends]) => join(long(length, fill), bytes(ends ? '\n' : '€')))
        const file = join(...parts)
        expect(faults(file, follow(file, steps, LONGEST_LINE + 1))).toEqual([])
      }),
      { numRuns: 8 },
    )
  })
})
