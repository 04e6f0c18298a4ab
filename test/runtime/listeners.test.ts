import { spawn, type ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenersOn, listeningSockets, parseLsof } from '../../src/runtime/listeners.ts'

const SERVER = `
  const server = require('node:http').createServer()
  server.listen(0, process.argv[1], () => console.log(server.address().port))
`

async function listen(address: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['-e', SERVER, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise<number>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`no server on ${address}`)))
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())))
  })
  return { child, port }
}

describe('a real server', () => {
  let server: Awaited<ReturnType<typeof listen>>
  beforeAll(async () => {
    server = await listen('127.0.0.1')
  })
  afterAll(() => {
    server.child.kill()
  })

  test('is found by its port, with pid and command', () => {
    const [holder] = listenersOn([server.port])
    expect(holder).toMatchObject({ port: server.port, pid: server.child.pid })
    expect(holder?.command).toContain('node')
  })

  test('is not found by other ports', () => {
    expect(listenersOn([1, 2])).toEqual([])
  })
})

test('a row of /proc/net/tcp counts if it listens on a port that is asked for', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0
   1: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 100 0 0 10 0
   2: 0100007F:1388 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 13 1 0 100 0 0 10 0
`
  expect([...listeningSockets(table, new Set([5000]))]).toEqual([['11', 5000]])
  const v6 = ' 0: 00000000000000000000000001000000:1388 0:0 0A 0:0 0:0 0 0 0 14 1'
  expect([...listeningSockets(`\n${v6}`, new Set([5000]))]).toEqual([['14', 5000]])
})

test('what lsof prints is read by process, one holder a port', () => {
  const output =
    'p71\ncnode\nf20\nn*:5000\nf21\nn[::1]:5000\nf22\nn127.0.0.1:9\np72\ncruby\nf5\nn127.0.0.1:5001\n'
  expect(parseLsof(output, new Set([5000, 5001]))).toEqual([
    { port: 5000, pid: 71, command: 'node' },
    { port: 5001, pid: 72, command: 'ruby' },
  ])
})
