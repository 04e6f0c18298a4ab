import { randomBytes } from 'node:crypto'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener, RequestOptions, Server } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { RunSpec } from '../../src/core/records.ts'
import { Router } from '../../src/runtime/router.ts'
import { prepareRun, publishRun, runPath, writeHealth, writeStop } from '../../src/runtime/run-directory.ts'
import { makeStateDir, stateDirAt } from '../../src/runtime/state-dir.ts'
import { bootNow } from '../../src/runtime/clock.ts'
import { until } from './live.ts'
import { makeApp } from './rig.ts'

/** A web process as the router sees it: a run in the state directory, and a server in this test. */
export interface Web {
  readonly id: string
  readonly server: Server
  readonly path: string
  /** Requests that have reached it. */
  readonly urls: string[]
  /** Writes what a supervisor writes before it stops a run. */
  toBeStopped(): void
  /** Ends it as kill -9 does. */
  die(): void
}

export interface Routed {
  readonly port: number
  readonly url: string
  readonly said: string[]
  readonly router: Router
  web(
    instance: number,
    handler: RequestListener,
    health?: { readyAt?: number; reason?: string },
  ): Promise<Web>
  /** When the router has ended. */
  readonly ended: Promise<void>
}

/** A router over a state directory of its own, until the test ends. `base` is its port; the webs follow. */
export async function routed(base: number, more: { headersWithinMs?: number } = {}): Promise<Routed> {
  const app = makeApp()
  const state = stateDirAt(join(app.stateDir, 'state'))
  makeStateDir(state)
  const said: string[] = []
  const options = { state, host: '127.0.0.1', port: base, socket: undefined }
  const router = new Router({ ...options, ...more, say: (text) => said.push(text) })
  const ended = router.run()
  await until('the router to listen', () => said.length > 0)
  const webs: Web[] = []
  onTestFinished(async () => {
    for (const one of webs) one.die()
    router.stop(0)
    await ended
    app.cleanup()
  })
  const web: Routed['web'] = async (instance, handler, health = { readyAt: bootNow() }) => {
    const one = await startWeb({ instance, port: base + instance, handler })
    webs.push(one)
    return one

    async function startWeb(given: {
      instance: number
      port: number
      handler: RequestListener
    }): Promise<Web> {
      const urls: string[] = []
      const server = createServer((incoming, response) => {
        urls.push(incoming.url ?? '')
        given.handler(incoming, response)
      })
      await new Promise<void>((resolve) => server.listen(given.port, '127.0.0.1', resolve))
      const id = `web.${given.instance}` as const
      const number = webs.filter((other) => other.id === id).length + 1
      const spec = specOf(id, number, given.port)
      prepareRun(state, spec)
      const path = publishRun(state, spec)
      writeHealth(path, health)
      return {
        id,
        server,
        path: runPath(state, id, number),
        urls,
        toBeStopped: () =>
          writeStop(path, { signal: 'SIGTERM', killAt: 1e9, drainUntil: bootNow() + 60_000 }),
        die: () => {
          server.close()
          server.closeAllConnections()
        },
      }
    }
  }
  return { port: base, url: `http://127.0.0.1:${base}`, said, router, web, ended }
}

function specOf(id: RunSpec['id'], number: number, port: number): RunSpec {
  const token = randomBytes(8).toString('hex')
  const place = { bootId: 'boot', pidNamespace: 'namespace', cwd: '/', scratch: `/tmp/tw-run-${token}` }
  const times = { startedAt: bootNow(), startedWall: Date.now() }
  return {
    version: 1,
    id,
    number,
    generation: 1,
    session: 's',
    command: 'true',
    port,
    isProbed: true,
    token,
    ...place,
    ...times,
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly trailers: NodeJS.Dict<string>
  readonly body: string
}

/** One request; `body` is sent whole. Fails if the answer breaks off. */
export function ask(url: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false, ...options }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          trailers: incoming.trailers,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** A raw connection whose answers are collected as text. */
export function dial(port: number): Socket & { text(): string } {
  let text = ''
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1').on('data', (chunk) => (text += String(chunk)))
  socket.on('error', () => {})
  return Object.assign(socket, { text: () => text })
}
