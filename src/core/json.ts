/** Values that came as JSON from outside: what they are is looked at, never believed. */

export type Json = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** A time or a length of time, ms. */
export function isTime(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0
}

/** The object that a text holds; undefined if it is none, or no JSON. */
export function objectIn(text: string): Json | undefined {
  // What is not there reads as nothing, and to learn that by an error takes 5 us.
  if (text === '') return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // Not JSON is one of the ways not to be an object.
    return undefined
  }
}

/** What is at the end of a path of names; undefined if there is no such thing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const name of path) found = isObject(found) ? found[name] : undefined
  return found
}

export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path)
  return isText(found) ? found : ''
}

export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : 0
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}
