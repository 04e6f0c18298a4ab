import fc from 'fast-check'
import { expect, test } from 'vitest'
import { didYouMean, isStage, parseProcessId, processId } from '../../src/core/names.ts'

test('a process id is a type and an instance, and reads back', () => {
  const type = fc.stringMatching(/^[A-Za-z0-9_-]{1,63}$/)
  fc.assert(
    fc.property(type, fc.integer({ min: 1, max: 9999 }), (name, instance) => {
      const id = processId(name, instance)
      expect(parseProcessId(id)).toEqual({ id, type: name, instance })
    }),
  )
})

test.each([
  'web',
  'web.0',
  'web.01',
  'web.-1',
  '.1',
  '../x.1',
  'a b.1',
  'web.1.2',
  'web.1\n',
  `${'x'.repeat(64)}.1`,
  'web.9999999999',
])('%j is no process id', (text) => {
  expect(parseProcessId(text)).toBeUndefined()
})

test('release and build are the stages', () => {
  expect(['release', 'build', 'web', 'Release'].filter(isStage)).toEqual(['release', 'build'])
})

test('a hint names the closest, and at most eight of what there is', () => {
  expect(didYouMean('wrker', ['web', 'worker'], 'types')).toBe('did you mean "worker"? (types: web, worker)')
  expect(didYouMean('qqqqqq', [], 'types')).toBe('there are no types')
  expect(
    didYouMean(
      'x',
      Array.from({ length: 20 }, (_, n) => `type${n}`),
      'types',
    ),
  ).toBe('types: type0, type1, type2, type3, type4, type5, type6, type7, ...')
  expect(didYouMean('x', ['1', '2', '3', '4', '5', '6', '7', '8aaa'], 'types')).toContain('8aaa)')
})
