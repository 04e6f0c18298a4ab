import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeExchange } from '../core/exchange.ts'
import type { Exchange, SeenCookie } from '../core/exchange.ts'
import { cookieKey } from '../core/rotation.ts'
import { readIfThere } from './disk.ts'

/** Where the router notes who answered what, if somebody asked for it by making the file. */
function tracePath(statePath: string): string {
  return join(statePath, 'trace')
}

/** Asks the router of this state directory, before it starts, to note what it sees. */
export function askForTrace(statePath: string): void {
  writeFileSync(tracePath(statePath), '', { mode: 0o600 })
}

/** Everything that the router has seen since it was asked, oldest first. */
export function readTrace(statePath: string): Exchange[] {
  const text = readIfThere(tracePath(statePath)) ?? ''
  return text.split('\n').flatMap((line) => decodeExchange(line) ?? [])
}

/** How the router notes an exchange; undefined if nobody asked. */
export function traceOf(statePath: string): ((exchange: Exchange) => void) | undefined {
  const path = tracePath(statePath)
  if (!existsSync(path)) return undefined
  return (exchange) => appendFileSync(path, `${JSON.stringify(exchange)}\n`)
}

/** The cookies of a request's header. */
export function sentCookies(header: string | undefined): SeenCookie[] {
  return (header ?? '').split(';').flatMap(seen)
}

/** The cookies that an answer sets. */
export function setCookies(headers: readonly string[]): SeenCookie[] {
  return headers.flatMap((header) => seen(header.split(';', 1)[0] ?? ''))
}

function seen(pair: string): SeenCookie[] {
  const text = pair.trim()
  const end = text.indexOf('=')
  return end > 0 ? [{ name: text.slice(0, end), key: cookieKey(text) }] : []
}
