import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { containerCommand, environmentScript, swarmStack } from '../../src/exporters/swarm-stack.ts'
import { listensScript } from '../../src/exporters/container.ts'
import { requires } from '../support/requirement.ts'
import { SAMPLE } from '../support/export-sample.ts'

test('every value comes out of the environment file as it went in', () => {
  const value = fc.stringMatching(/^[ -~\n\t]{0,30}$/)
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
      const names = values.map((_, index) => `V${index}`)
      const script = environmentScript(Object.fromEntries(values.map((one, index) => [`V${index}`, one])))
      const out = execFileSync('/bin/sh', [
        '-c',
        `${script}\nprintf '%s\\0' ${names.map((name) => `"$${name}"`).join(' ')}`,
      ])
      expect(out.toString().split('\0').slice(0, -1)).toEqual(values)
    }),
    { numRuns: 15 },
  )
})

test('a name that no shell can set is refused, and says which', () => {
  expect(() => environmentScript({ 'a.b': 'secret' })).toThrow(
    'the variable "a.b" cannot be handed to a container of Swarm',
  )
})

test('the command is an argument, never a part of a script', () => {
  expect(containerCommand(`echo 'it''s $HOME'`, true)).toEqual([
    '/bin/sh',
    '-c',
    '. /run/secrets/tw-run-environment; exec /bin/sh -c "$0"',
    `echo 'it''s $HOME'`,
  ])
  expect(containerCommand('node web.js', false)).toEqual(['/bin/sh', '-c', 'exec node web.js'])
})

test('no dollar is left for the variables of compose', () => {
  const text = JSON.stringify(swarmStack(SAMPLE, { secret: 'x' }))
  expect(text.replaceAll('$$', '')).not.toContain('$')
})

requires('linux')('the script that looks for a listener finds it, and nothing else', async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer().listen(0, host)
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    execFileSync('/bin/sh', ['-c', listensScript(port)])
    await new Promise((resolve) => server.close(resolve))
    expect(() => execFileSync('/bin/sh', ['-c', listensScript(port)])).toThrow('Command failed')
  }
})
