import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { expect } from 'vitest'
import { ListeningSockets } from '../../src/runtime/listening-sockets.ts'
import { linkOf, namesIn } from '../../src/runtime/proc-files.ts'
import { until } from '../support/live.ts'
import { requires } from '../support/requirement.ts'

/** The sockets that a process has open, by inode. */
function openIn(pid: number): Set<string> {
  const links = namesIn(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
}

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

requires('linux')(
  'what stays open is told from the second look on, and what is asked for now at once',
  async () => {
    const sockets = new ListeningSockets()
    const lately = (): number[] => [...sockets.lately(openIn(process.pid)).values()]
    const first = await listening()
    expect(lately()).not.toContain(first.port)
    expect(lately()).toContain(first.port)
    const second = await listening()
    expect(lately()).not.toContain(second.port)
    expect([...sockets.now(openIn(process.pid)).values()]).toContain(second.port)
    expect(lately()).toContain(second.port)
    for (const { server } of [first, second]) server.close()
  },
)

requires('linux', 'python3')(
  'a socket that was bound long before is told when somebody listens on it',
  async () => {
    const program = `import socket, sys
one = socket.socket()
one.bind(('127.0.0.1', 0))
print(one.getsockname()[1], flush=True)
sys.stdin.readline()
one.listen()
sys.stdin.readline()`
    const child = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const sockets = new ListeningSockets()
      const isTold = (): boolean =>
        [...sockets.lately(openIn(child.pid ?? 0)).values()].includes(Number(line.toString()))
      expect([isTold(), isTold(), isTold()]).toEqual([false, false, false])
      child.stdin.write('\n')
      await until('it to be told', isTold)
    } finally {
      child.stdin.end('\n')
      await once(child, 'close')
    }
  },
)
