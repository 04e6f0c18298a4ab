import { expect, test } from 'vitest'
import { isSeparated } from '../../src/cli/run.ts'

test.each([
  [['console'], 'run console', false],
  [['npm', 'test', '--', '-x'], 'run -e a npm test -- -x', false],
  [['any', '--flag'], 'run -- any --flag', true],
  [['web'], 'run -p 1 -- web', true],
])('%j of "%s" stand behind --: %s', (words, line, expected) => {
  expect(isSeparated(words, ['node', 'tw-run', ...line.split(' ')])).toBe(expected)
})
