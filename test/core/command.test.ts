import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellText, soleProgram } from '../../src/core/command.ts'

test.each([
  'node web.js',
  'node web.js --port $PORT --name ${PS}',
  './bin/web -a "b c" \'d; e\' --x=y',
  'python3 -m http.server',
  'node web.js "" \'\' $P ${P}',
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

test.each([
  ['node web.js', 'node'],
  ['exec  node web.js', 'node'],
  ['exec-all now', 'exec-all'],
  ['./bin/web --port $PORT "b c" \'d; e\' ${PORT}', './bin/web'],
])('%s is a sole program', (command, program) => {
  expect(soleProgram(command)).toBe(program)
})

test.each([
  'echo up',
  'exec',
  'exec echo up',
  'exec exec node',
  'cd app && node web.js',
  'exec node web.js; true',
  'FOO=bar node web.js',
  // Each shell has its own.
  'node web.js $PPID',
  'node web.js ${LINENO}',
  'node web.js $PORTAL',
  'node web.js $PORT$UID',
  "node web.js '$1'",
  'node "$(cat file)"',
])('%s is none, or one whose words depend on the shell', (command) => {
  expect(soleProgram(command)).toBeUndefined()
})
