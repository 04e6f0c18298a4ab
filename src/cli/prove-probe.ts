import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from '../core/finding.ts'
import type { ProcessId } from '../core/names.ts'
import { isReady, typeOf } from '../core/readiness.ts'
import { ROUTED_TYPE } from '../core/router.ts'
import { isAllAnew, knownPage, unknownIn } from '../core/shown-cookies.ts'
import type { KnownPage, Page } from '../core/shown-cookies.ts'
import { bootNow } from '../runtime/clock.ts'
import { askPage } from '../runtime/ask-page.ts'
import type { Fixture } from './fixture.ts'

const LOOK_AGAIN_MS = 20
const READY_WITHIN_MS = 60_000
/** A cookie that carries the time carries it in seconds: after so many ms it is another one. */
const ANOTHER_SECOND_MS = 1_100

/** What came of showing cookies around. */
export interface Probed {
  readonly findings: readonly Finding[]
  /** The pages at which nothing of a cookie shows, and why. */
  readonly untelling: readonly string[]
  /** The process that was replaced to see whether it still knows what it has set. */
  readonly restarted: readonly ProcessId[]
}

/** Why there is nothing to prove. */
export interface Refusal {
  readonly wrong: string
  /** Whose last lines tell more about that. */
  readonly blamed: readonly ProcessId[]
  readonly hint?: string
}

/**
 * Visits pages in a row, as one visitor of one process that nobody disturbs; undefined where they can show something. What a
 * process fails to answer looks the same from all of them. Errors: TwRunError 1 if a page does not answer.
 */
export async function refusePages(fixture: Fixture, paths: readonly string[]): Promise<Refusal | undefined> {
  const [first] = webOf(fixture)
  if (first === undefined) return undefined
  const { jar, visit } = visitor(first.port)
  const pages: string[] = []
  const failing: string[] = []
  for (const path of paths) {
    const { status } = await visit(path)
    pages.push(`GET ${path}${status < 400 ? '' : ` (${status})`}`)
    if (status >= 500) failing.push(`GET ${path} answered ${status}`)
  }
  if (failing.length > 0) return { wrong: failing.join(', '), blamed: [first.id] }
  if (jar.size > 0) return undefined
  const hint = 'name a page that sets one, such as --path /login --path /cart, or give a test command'
  return { wrong: `${pages.join(', ')} set no cookie`, blamed: [], hint }
}

function webOf(fixture: Fixture) {
  return fixture.runs().filter(({ id }) => typeOf(id) === ROUTED_TYPE)
}

/** Somebody with a jar for cookies. */
function visitor(port: number) {
  const jar = new Map<string, string>()
  const visit = async (path: string): Promise<Page> => {
    const page = await askPage(port, path, [...jar.values()].join('; '))
    for (const { name, pair } of page.cookies) jar.set(name, pair)
    return page
  }
  return { jar, visit }
}

/**
 * Visits pages in a row, as one visitor of one process, and shows the cookies that it has set to the others, and to
 * itself after a restart; what they did not know. Errors: TwRunError 1 if a page does not answer.
 */
export async function probePages(fixture: Fixture, paths: readonly string[]): Promise<Probed> {
  const [first, ...others] = webOf(fixture)
  if (first === undefined) return { findings: [], untelling: [], restarted: [] }
  const { known, shown, untelling } = await getKnown(first.port, paths)
  const ask = async (port: number, by: string): Promise<Finding[]> => {
    const findings: Finding[] = []
    for (const [path, page] of known) {
      const answer = await askPage(port, path, [...shown.values()].join('; '))
      findings.push(...unknownIn(page, answer, { path, from: first.id, by, shown }))
    }
    return findings
  }
  const findings: Finding[] = []
  for (const { id, port } of others) findings.push(...(await ask(port, id)))
  fixture.apply({ do: 'restart', targets: [first.id] })
  if (await isBack(fixture, first.id, first.token))
    findings.push(...(await ask(first.port, `${first.id} after its restart`)))
  return { findings, untelling, restarted: [first.id] }
}

interface Acquaintance {
  /** How the pages that can tell answer whom they know: that is what the others are held against. */
  readonly known: ReadonlyMap<string, KnownPage>
  /** The cookies that the visitor has then, `name=value` by name. */
  readonly shown: ReadonlyMap<string, string>
  readonly untelling: readonly string[]
}

/** Becomes somebody whom a process knows. */
async function getKnown(port: number, paths: readonly string[]): Promise<Acquaintance> {
  const { jar, visit } = visitor(port)
  const untelling: string[] = []
  for (const path of paths) {
    const { cookies } = await visit(path)
    if (cookies.length === 0) untelling.push(`GET ${path}: it set no cookie that could be shown`)
  }
  const earlier = new Map<string, Page>()
  for (const path of paths) earlier.set(path, await visit(path))
  const all = new Map<string, KnownPage>()
  for (const [path, page] of earlier) {
    await sleep(ANOTHER_SECOND_MS)
    const before = new Map(jar)
    all.set(path, knownPage(page, await visit(path), before))
  }
  const telling = new Map([...all].filter(([, page]) => !isAllAnew(page, jar)))
  for (const path of all.keys())
    if (!telling.has(path)) untelling.push(`GET ${path}: it sets its cookies anew at each visit`)
  // What is given anew may end what was given before, also where that is known to all.
  return { known: telling.size === 0 ? all : telling, shown: jar, untelling }
}

/** Waits for the next run of a process to be ready. */
async function isBack(fixture: Fixture, id: string, token: string): Promise<boolean> {
  const until = performance.now() + READY_WITHIN_MS
  for (;;) {
    const state = [...fixture.observed()].find(([one]) => one === id)?.[1]
    if (state?.phase === 'up' && state.run.token !== token && isReady(state, bootNow())) return true
    if (performance.now() > until || fixture.session.ending !== undefined) return false
    await sleep(LOOK_AGAIN_MS)
  }
}
