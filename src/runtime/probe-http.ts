import { request as plain } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as secure } from 'node:https'
import type { Probe } from '../core/rules.ts'

/** No more of a body is looked through, bytes: an answer to a health check is short. */
const LONGEST_BODY = 1024 * 1024
/** Node's servers may listen on either when they are told "localhost". */
const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** Asks for a page of this machine: nothing if the answer is right, else what is wrong with it. */
export async function probeHttp(
  { path, headers, content, isSecure = false }: Probe & { readonly by: 'http' },
  port: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asking = (isSecure ? secure : plain)({
      host: 'localhost',
      port,
      path: sendable(path),
      headers: { accept: '*/*', 'user-agent': 'tw-run', connection: 'close', ...headers },
      agent: false,
      // No resolver has to be there for one's own machine.
      lookup: (_name, _options, found) => found(null, LOOPBACK),
      // Who signed the certificate of one's own machine does not matter.
      rejectUnauthorized: false,
      signal,
    })
    asking.on('error', (error) => resolve(reasonOf(error)))
    asking.on('response', (answer) => {
      const { statusCode = 0 } = answer
      if (statusCode >= 200 && statusCode < 400 && content !== undefined) {
        lookFor(content, answer, resolve)
        return
      }
      answer.destroy()
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `answered ${statusCode}`)
    })
    asking.end()
  })
}

/** Blanks and letters that no request line may hold are encoded, as a browser does; what is encoded stays so. */
function sendable(path: string): string {
  return path.replace(/[^\x21-\x7e]/gu, (character) =>
    // Half a character has no encoding.
    /\p{Surrogate}/u.test(character) ? '%EF%BF%BD' : encodeURIComponent(character),
  )
}

function lookFor(
  content: string,
  answer: IncomingMessage,
  resolve: (reason: string | undefined) => void,
): void {
  const parts: Buffer[] = []
  let length = 0
  const judge = (): void => {
    const isThere = Buffer.concat(parts).includes(content)
    resolve(isThere ? undefined : `the answer does not hold ${JSON.stringify(content)}`)
  }
  answer.on('data', (part: Buffer) => {
    parts.push(part)
    length += part.length
    if (length <= LONGEST_BODY) return
    judge()
    answer.destroy()
  })
  answer.on('end', judge)
  answer.on('error', (error) => resolve(reasonOf(error)))
}

function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ECONNREFUSED') return 'nobody listens'
  if (code === 'ECONNRESET') return 'it hung up'
  return error.message === '' ? code : error.message
}
