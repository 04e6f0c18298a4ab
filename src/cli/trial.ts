import { TwRunError } from '../core/error.ts'
import type { ProcessId } from '../core/names.ts'
import type { Fixture } from './fixture.ts'
import { describeReason } from './journal-text.ts'
import { notThere } from './waiting.ts'

/** What came of a formation that was there for something. */
export interface Trial<T> {
  /** Undefined if it did not come to that. */
  readonly result: T | undefined
  /** Why the formation could not be, or did not last. */
  readonly broken: string | undefined
  /** Whose last lines tell more about that. */
  readonly blamed: readonly ProcessId[]
  /** ms that the work took. */
  readonly ms: number
}

/** Does some work as soon as everything is ready. If it throws, the formation is stopped before the error goes on. */
export async function tryOut<T>(fixture: Fixture, body: () => Promise<T>): Promise<Trial<T>> {
  try {
    return await tried(fixture, body)
  } catch (error) {
    await fixture.close({ kind: 'done' }, () => '')
    throw error
  }
}

async function tried<T>(fixture: Fixture, body: () => Promise<T>): Promise<Trial<T>> {
  const missing = await fixture.ready()
  const isReady = missing.missing.length === 0
  const begun = performance.now()
  const result = isReady && fixture.session.ending === undefined ? await whileThere(fixture, body) : undefined
  const ms = performance.now() - begun
  const { ending } = fixture.session
  if (ending?.reason.kind === 'signal') return { result, broken: undefined, blamed: [], ms }
  const broken =
    ending === undefined
      ? isReady
        ? undefined
        : notThere(missing, 'ready').message
      : describeReason(ending.reason)
  const { failed, missing: late } = missing
  const blamed = ending?.reason.kind === 'exit' ? [ending.reason.process] : failed.length > 0 ? failed : late
  return { result, broken, blamed, ms }
}

/** What cannot be done since the formation is going away is no error of its own. */
async function whileThere<T>(fixture: Fixture, body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body()
  } catch (error) {
    if (fixture.session.ending !== undefined && error instanceof TwRunError) return undefined
    throw error
  }
}
