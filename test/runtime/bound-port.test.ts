import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { once } from 'node:events'
import { expect } from 'vitest'
import { bindPort, isSurelyFree } from '../../src/runtime/bound-port.ts'
import { requires } from '../support/requirement.ts'

const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
const hasIPv6 = own.some(({ family }) => family === 'IPv6')
// Those of one link need its name.
const addresses = new Set(own.map(({ address }) => address).filter((address) => !address.startsWith('fe80:')))
const ALL = hasIPv6 ? ['0.0.0.0', '::'] : ['0.0.0.0']
const onLinux = requires('linux')

for (const address of [...addresses, ...ALL]) {
  onLinux(`a port is not free while somebody listens on ${address}`, async () => {
    const server = createServer().listen(0, address)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(isSurelyFree(port)).toBe(false)
    expect(bindPort(address, port)).toBeUndefined()
    server.close()
    await once(server, 'close')
    // Without IPv6 nothing is sure.
    expect(isSurelyFree(port)).toBe(hasIPv6)
    expect(isSurelyFree(port)).toBe(hasIPv6)
    const bound = bindPort(address, port)
    expect(bound?.fd).toBeGreaterThan(2)
    bound?.close()
  })
}

onLinux('what is no numeric address is not bound', () => {
  expect(bindPort('localhost', 1)).toBeUndefined()
})
