import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Outbox } from '../../src/runtime/outbox.ts'
import { makeRender } from '../../src/runtime/render.ts'
import type { RenderOptions } from '../../src/runtime/render.ts'
import { oldGeneration } from '../../src/runtime/small-heap.ts'

const PRETTY: RenderOptions = {
  format: 'pretty',
  timestamps: false,
  prefix: true,
  width: () => 6,
  paint: undefined,
}

/** Of 500,000 lines, bytes: as many numbers would be 1 MB. */
const LITTLE = 300_000

/** What comes out for these bytes: whole lines, the last of which may be partial. */
function rendered(bytes: Uint8Array, options: Partial<RenderOptions> = {}, seq = 1): Buffer {
  const out = new Outbox()
  const buffer = Buffer.from(bytes)
  const isPartial = buffer.at(-1) !== 0x0a
  makeRender({ ...PRETTY, ...options })(buffer, { process: 'web.1', seq, isPartial }, out)
  return Buffer.from(out.bytes)
}

/** Lines of every kind, more than are rendered at once. */
const lines = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      fc.constantFrom('', '"', '\\n', '\t\u001b[0m', 'é'.repeat(20_000)).map((text) => Buffer.from(text)),
    ),
    { minLength: 1, maxLength: 20 },
  )
  .chain((parts) =>
    fc
      .boolean()
      .map((isWhole) =>
        Buffer.concat([
          ...parts.flatMap((part) => [part, Buffer.from('\n')]),
          Buffer.from(isWhole ? '' : 'x'),
        ]),
      ),
  )

describe('pretty', () => {
  test('a prefix before each line, and every byte after it', () => {
    fc.assert(
      fc.property(lines, (bytes) => {
        const whole = bytes.toString('latin1').replace(/\n$/, '').split('\n')
        const expected = whole.map((line) => `web.1  | ${line}\n`).join('')
        expect(rendered(bytes).equals(Buffer.from(expected, 'latin1'))).toBe(true)
      }),
    )
  })
})

describe('json', () => {
  test('gives every byte back', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 3_000_000 }), (bytes, seq) => {
        const objects = rendered(bytes, { format: 'json' }, seq).toString().trimEnd().split('\n')
        const back = objects.map((line, index) => {
          const object = JSON.parse(line) as { seq: number; text: string; base64?: string; partial?: boolean }
          expect(object.seq).toBe(seq + index)
          const raw =
            object.base64 === undefined ? Buffer.from(object.text) : Buffer.from(object.base64, 'base64')
          return Buffer.concat([raw, Buffer.from(object.partial === true ? '' : '\n')])
        })
        expect(Buffer.concat(back).equals(bytes)).toBe(true)
      }),
    )
  })

  test.each([998, 999_998, 1_999_999])('numbers go on over %i', (seq) => {
    const objects = rendered(Buffer.from('a\nb\nc\nd\n'), { format: 'json' }, seq).toString()
    expect([...objects.matchAll(/"seq":(\d+),/g)].map(([, number]) => Number(number))).toEqual([
      seq,
      seq + 1,
      seq + 2,
      seq + 3,
    ])
  })

  test('base64 only beside what is no UTF-8', () => {
    const objects = rendered(Buffer.from([0x61, 0x0a, 0xff, 0x0a]), { format: 'json' }).toString()
    expect(objects).toMatch(/"text":"a"}\n.*"text":"\uFFFD","base64":"\/w=="}\n$/)
  })
})

test('an outbox that grew for a flood of empty lines gives the memory back', () => {
  const out = new Outbox()
  out.add(Buffer.alloc(3 * 1024 * 1024))
  expect(out.length).toBe(3 * 1024 * 1024)
  out.clear()
  expect(out.bytes.buffer.byteLength).toBeLessThan(1024 * 1024)
})

describe.each(['pretty', 'json'] as const)('%s, of a flood', (format) => {
  test.each([
    ['text', 'é "quoted"\n'],
    ['no UTF-8', '\u00ff\u0000"\\\n'],
  ])('of %s nothing is kept', (_, line) => {
    const render = makeRender({ ...PRETTY, format })
    const out = new Outbox()
    const chunk = Buffer.from(line.repeat(2_000), 'latin1')
    let seq = 1_000_000
    const flood = (chunks: number): void => {
      for (let n = 0; n < chunks; n += 1) {
        render(chunk, { process: 'web.1', seq, isPartial: false }, out)
        out.clear()
        seq += 2_000
      }
    }
    // By then V8 has compiled it.
    flood(20)
    // What is in there takes memory until there is a collection of everything. What lines leave, each flood of them
    // leaves; what else goes on in this process, not each.
    const grown = [1, 2, 3].map(() => {
      const before = oldGeneration()
      flood(250)
      return oldGeneration() - before
    })
    expect(Math.min(...grown)).toBeLessThan(LITTLE)
  })
})
