import { expect, test } from 'vitest'
import { wantsColor } from '../../src/core/color.ts'

test.each([
  ['always', {}, false, true],
  ['always', { NO_COLOR: '1' }, false, true],
  ['never', { FORCE_COLOR: '1' }, true, false],
  ['auto', {}, true, true],
  ['auto', {}, false, false],
  ['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ['auto', { NO_COLOR: '' }, true, true],
  ['auto', { FORCE_COLOR: '1' }, false, true],
  ['auto', { FORCE_COLOR: '0' }, true, false],
  ['auto', { FORCE_COLOR: 'false' }, true, false],
  ['auto', { TERM: 'dumb' }, true, false],
] as const)('%s with %j on a terminal (%s): %s', (setting, shell, isTerminal, expected) => {
  expect(wantsColor(setting, shell, isTerminal)).toBe(expected)
})
