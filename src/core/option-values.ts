import { MAX_PORT } from './ports.ts'
import type { RestartPolicy } from './process.ts'

/** A value read from text, or what the text is not. */
export type Reading<T> = { readonly value: T } | { readonly not: string; readonly hint?: string }

/** One of a few words, in any case. */
export function oneOf<T extends string>(...choices: readonly T[]): (text: string) => Reading<T> {
  return (text) => {
    const value = choices.find((choice) => choice === text.toLowerCase())
    return value === undefined ? { not: `one of ${choices.join(', ')}` } : { value }
  }
}

/** Seconds, fractions allowed, as whole milliseconds; at most a day. */
export function seconds(text: string): Reading<number> {
  const value = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN
  return value <= 86_400
    ? { value: Math.round(value * 1000) }
    : { not: 'a number of seconds from 0 to 86400' }
}

/** The first port of the formation. */
export function firstPort(text: string): Reading<number> {
  const reading = port(text)
  return 'value' in reading || text.toLowerCase() !== 'auto'
    ? reading
    : { ...reading, hint: 'with and prove pick ports: tw-run with --port auto -- <command>' }
}

/** A TCP port, or a distance between two. */
export function port(text: string): Reading<number> {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= MAX_PORT ? { value } : { not: `a whole number from 1 to ${MAX_PORT}` }
}

/** `no`, `on-failure`, `on-failure:N`, `always`: Docker's words. */
export function restart(text: string): Reading<RestartPolicy> {
  const [, when, digits] = /^(no|on-failure|always)(?::([1-9]\d{0,2}))?$/.exec(text.toLowerCase()) ?? []
  if (when === 'on-failure' && digits !== undefined) return { value: { when, limit: Number(digits) } }
  if (digits === undefined && (when === 'no' || when === 'on-failure' || when === 'always')) {
    return { value: { when } }
  }
  return { not: 'one of no, on-failure, on-failure:N, always' }
}

/** true or false, as people write them in environments. */
export function truth(text: string): Reading<boolean> {
  if (/^(true|yes|on|1)$/i.test(text)) return { value: true }
  return /^(false|no|off|0)$/i.test(text) ? { value: false } : { not: 'true or false' }
}

/** Whether to colour: `auto` is as the terminal has it. */
export type ColorSetting = 'always' | 'never' | 'auto'

/** One of its words, or true or false as for any other option that is on or off. */
export function color(text: string): Reading<ColorSetting> {
  const word = oneOf('always', 'never', 'auto')(text)
  if ('value' in word) return word
  const reading = truth(text)
  return 'value' in reading ? { value: reading.value ? 'always' : 'never' } : word
}

/** Reads whether something is refused: one value if it is, another if not. */
export function not<T>(refused: T, otherwise: T): (text: string) => Reading<T> {
  return (text) => {
    const reading = truth(text)
    return 'value' in reading ? { value: reading.value ? refused : otherwise } : reading
  }
}

/** Where to listen. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Where the router listens if nothing else was said: on this machine alone. */
export const USUAL_ADDRESS: Address = { host: '127.0.0.1', port: 8080 }

/**
 * A port, `host:port` or `[::1]:port`; true for the usual address, false for none. 1 is true, as for every option that
 * is on or off: nobody means a port that only root may have.
 */
export function address(given: string): Reading<Address | undefined> {
  const isWanted = truth(given)
  if ('value' in isWanted) return { value: isWanted.value ? USUAL_ADDRESS : undefined }
  const [, bare, bracketed, digits = ''] =
    /^(?:([^:[\]\s]+):|\[([0-9a-fA-F:.]+)\]:)?(\d{1,5})$/.exec(given) ?? []
  const value = Number(digits)
  return value >= 1 && value <= MAX_PORT
    ? { value: { host: bare ?? bracketed ?? USUAL_ADDRESS.host, port: value } }
    : { not: 'a port or host:port' }
}

/** An address as it is typed, the usual host left out. */
export function addressText({ host, port: number }: Address): string {
  if (host === USUAL_ADDRESS.host) return String(number)
  return `${host.includes(':') ? `[${host}]` : host}:${number}`
}

/** TCP ports, both ends included. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** `20000-31999`. */
export function portRange(given: string): Reading<PortRange> {
  const [, from = '', to = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(given) ?? []
  const [first, last] = [Number(from), Number(to)]
  return first >= 1 && first <= last && last <= MAX_PORT
    ? { value: { first, last } }
    : { not: `a range of ports such as 20000-31999` }
}

/** A list with commas or blanks. */
export function list(text: string): Reading<readonly string[]> {
  return { value: text.split(/[\s,]+/).filter((item) => item !== '') }
}

/** Any text but none. */
export function text(given: string): Reading<string> {
  return given === '' ? { not: 'a name' } : { value: given }
}
