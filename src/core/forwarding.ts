/** Headers of one connection, not of the message: RFC 9110, 7.6.1, and what browsers still send. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Headers by which a client could pretend to be another one; the router is the first who may say. */
const FORGEABLE = /^(?:x-forwarded-.*|forwarded|x-real-ip)$/

/** Who asked and where, for the app behind the router. */
export interface Asked {
  /** The client's IP address. */
  readonly remote: string | undefined
  /** What the client called the app. */
  readonly host: string | undefined
  /** The port that it asked at. */
  readonly port: number
}

/** Names and values in turn, as they came and as they go on. */
export type Headers = readonly string[]

/** The headers of a request for the app: without those of the connection and of forgers, and with who asked. */
export function requestHeaders(raw: Headers, asked: Asked): string[] {
  const named = namedByConnection(raw)
  const headers = asked.host === undefined ? [] : ['host', asked.host]
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    // The router itself says "100 Continue"; of `te` only this one is of the message.
    if (OF_CONNECTION.has(name) || name === 'host' || name === 'expect' || FORGEABLE.test(name)) continue
    if (name === 'te' && raw[index + 1]?.trim().toLowerCase() !== 'trailers') continue
    if (named?.has(name) === true && name !== 'te') continue
    headers.push(raw[index] ?? '', raw[index + 1] ?? '')
  }
  for (const [name, value] of forwarded(asked)) headers.push(name, value)
  return headers
}

/** The headers of a response for a client of this version of HTTP: without those of the connection to the app. */
export function responseHeaders(
  raw: Headers,
  { version, status }: { readonly version: string; readonly status: number },
): string[] {
  const named = namedByConnection(raw)
  const headers: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    if (OF_CONNECTION.has(name) || named?.has(name) === true) continue
    // Who knows no chunks knows nothing that comes after them.
    if (version === '1.0' && name === 'trailer') continue
    // RFC 9110, 8.6: a 304 may say how long the body is that it stands for, a 204 never has one.
    if (status === 204 && name === 'content-length') continue
    headers.push(raw[index] ?? '', raw[index + 1] ?? '')
  }
  return headers
}

/** A request as Node has read it: of its bytes each is a character. */
export interface Head {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly httpVersion: string
  readonly rawHeaders: Headers
}

/** The head of a request as it would have come without an offer to go on in another protocol; a character a byte. */
export function headWithoutOffer({ method = 'GET', url = '/', httpVersion, rawHeaders }: Head): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    // No blank: it is not to become longer than it was, for there is a limit.
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}:${rawHeaders[index + 1]}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Whether a client may have made up this header (in lower case). */
export function isForgeable(name: string): boolean {
  return FORGEABLE.test(name)
}

/** What the router says of a client. */
export function forwarded({ remote, host, port }: Asked): readonly (readonly [string, string])[] {
  return [
    ...(remote === undefined ? [] : [['x-forwarded-for', plainAddress(remote)] as const]),
    ['x-forwarded-proto', 'http'],
    ...(host === undefined ? [] : [['x-forwarded-host', host] as const]),
    ['x-forwarded-port', String(port)],
  ]
}

/** An IPv4 client of a socket for both families is known by an IPv6 address. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}

/** The headers that `connection` names are of the connection, too. Nearly always there is none. */
function namedByConnection(raw: Headers): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if ((raw[index] ?? '').toLowerCase() !== 'connection') continue
    for (const word of (raw[index + 1] ?? '').toLowerCase().split(',')) {
      const name = word.trim()
      if (name === '' || name === 'close' || name === 'keep-alive' || name === 'upgrade') continue
      // What says how long the message is cannot be taken out of it.
      if (name === 'content-length' || name === 'host') continue
      named = (named ?? new Set()).add(name)
    }
  }
  return named
}
