import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellText } from '../../src/core/command.ts'

test.each([
  'node web.js',
  'node web.js --port $PORT --name ${PS}',
  './bin/web -a "b c" \'d; e\' --x=y',
  'python3 -m http.server',
  'bundle exec puma -C config/puma.rb   ',
])('a single program takes the place of the shell: %s', (command) => {
  expect(shellText(command)).toBe(`exec ${command}`)
})

test.each([
  'cd app && node web.js',
  'node web.js; echo done',
  'node web.js | tee log',
  'node web.js &',
  'FOO=bar node web.js',
  'echo up',
  'exec node web.js',
  '(node web.js)',
  'if true; then node x; fi',
  '. ./env.sh',
  'node $(cat file)',
  'node `cat file`',
  'node "unclosed',
  'node "a$(b)"',
  'node a\\ b',
  'node x # comment',
  'node *.js',
  'node ~/x.js',
  'node > log',
  '{ node x; }',
  '',
])('anything else is left to the shell as it stands: %s', (command) => {
  expect(shellText(command)).toBe(command)
})

test('nothing is ever changed but a leading exec', () => {
  fc.assert(
    fc.property(fc.string(), (command) => {
      expect([command, `exec ${command}`]).toContain(shellText(command))
    }),
  )
})

test('a long command that is not simple after all is found out at once', () => {
  const command = `node ${'a'.repeat(100_000)}(`
  expect(shellText(command)).toBe(command)
})
