import { connect } from 'node:net'
import { listeningPorts } from './listeners.ts'

/** Whether the kernel says who listens. */
const HAS_TABLE = process.platform === 'linux'
const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** One look at the ports that somebody listens on, taken when it is first asked for. */
export class Listening {
  #ports: ReadonlySet<number> | undefined

  /** Undefined where the kernel does not tell. */
  has(port: number): boolean | undefined {
    if (!HAS_TABLE) return undefined
    this.#ports ??= listeningPorts()
    return this.#ports.has(port)
  }
}

/** Whether somebody listens: by the kernel's table, else by a connection that is closed at once. */
export async function probeListen(
  port: number,
  listening: Listening,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isThere = listening.has(port) ?? (await accepts(port, signal))
  return isThere ? undefined : `does not listen on port ${port}`
}

async function accepts(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      port,
      host: 'localhost',
      autoSelectFamily: true,
      lookup: (_name, _options, found) => found(null, LOOPBACK),
    })
    const end = (isThere: boolean): void => {
      socket.destroy()
      resolve(isThere)
    }
    signal.addEventListener('abort', () => end(false), { once: true })
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
  })
}
