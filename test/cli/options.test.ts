import { Command } from 'commander'
import { expect, test } from 'vitest'
import { flagsOf, withOptions } from '../../src/cli/options.ts'

function flags(line: string) {
  const command = withOptions(
    new Command('start'),
    'app',
    'environment',
    'formation',
    'stop',
    'restart',
    'output',
    'color',
    'state',
    'release',
  )
  command.parse(line.split(' ').filter(Boolean), { from: 'user' })
  return flagsOf(command)
}

test.each([
  ['', {}],
  ['-f P -d app -e a,b -e c', { procfile: 'P', root: 'app', env: ['a,b', 'c'] }],
  ['-m web=3', { formation: 'web=3' }],
  ['-c web=3', { formation: 'web=3' }],
  ['--formation web=3 --concurrency worker=2', { formation: 'web=3,worker=2' }],
  ['-x a,b -x c', { except: ['a', 'b', 'c'] }],
  ['-p 1 --port-step 2 -t 0.5', { port: '1', portStep: '2', timeout: '0.5' }],
  ['--no-timestamps --no-prefix', { timestamps: false, prefix: false }],
  ['--color', { color: 'always' }],
  ['--no-color', { color: 'never' }],
  ['--no-colour', { color: 'never' }],
  ['--restart always --log-format json', { restart: 'always', logFormat: 'json' }],
  ['--state-dir s --env-precedence file --release', { stateDir: 's', envPrecedence: 'file', release: true }],
])('%j is what was typed, without defaults', (line, expected) => {
  expect(flags(line)).toEqual(expected)
})
