import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { takeLock } from '../../src/runtime/lock.ts'
import { makeApp } from '../support/rig.ts'
import { requires } from '../support/requirement.ts'

const SERVER = `
  const server = require('node:http').createServer()
  server.listen(0, process.argv[1], () => console.log(server.address().port))
`
const families = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ family }) => family))
const ADDRESSES = ['127.0.0.1', '0.0.0.0', ...(families.includes('IPv6') ? ['::1', '::'] : [])]

requires('ss')('who takes the lock learns who listens, at whatever address, and gets its FIFOs', async () => {
  const app = makeApp()
  const servers = ADDRESSES.map((address) =>
    spawn(process.execPath, ['-e', SERVER, address], { stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  const ports = await Promise.all(
    servers.map(async ({ stdout }) => Number(String((await once(stdout, 'data'))[0]))),
  )
  const fifos = [app.path('one'), app.path('two')]
  const lock = await takeLock(app.path('lock'), { fifos, findsPorts: true })
  expect(ports.map((port) => lock.listening?.has(port))).toEqual(ports.map(() => true))
  expect(fifos.map((path) => statSync(path).isFIFO())).toEqual([true, true])
  expect(lock.isRemoved()).toBe(false)
  for (const server of servers) {
    server.kill()
    await once(server, 'exit')
  }
  const { listening: then } = await takeLock(app.path('other'), { findsPorts: true })
  expect(ports.map((port) => then?.has(port))).toEqual(ports.map(() => false))
  app.cleanup()
})

test('a lock that is held is refused with its holder, and nobody is asked for ports in vain', async () => {
  const app = makeApp()
  const { listening } = await takeLock(app.path('lock'))
  expect(listening).toBeUndefined()
  // We hold it ourselves: as for any holder that is not known, it is waited for a moment.
  await expect(takeLock(app.path('lock'))).rejects.toThrow(/the lock .* is held by a process/)
  expect(existsSync(app.path('lock'))).toBe(true)
  app.cleanup()
})
