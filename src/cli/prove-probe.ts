import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from '../core/finding.ts'
import type { ProcessId } from '../core/names.ts'
import { isReady, typeOf } from '../core/readiness.ts'
import { ROUTED_TYPE } from '../core/router.ts'
import { bootNow } from '../runtime/clock.ts'
import { askPage } from '../runtime/ask-page.ts'
import type { Page } from '../runtime/ask-page.ts'
import type { Fixture } from './fixture.ts'

const LOOK_AGAIN_MS = 20
const READY_WITHIN_MS = 60_000

/** What came of showing cookies around. */
export interface Probed {
  readonly findings: readonly Finding[]
  /** The pages that set no cookie. */
  readonly without: readonly string[]
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
  if (first === undefined) return { findings: [], without: paths, restarted: [] }
  const { jar, visit } = visitor(first.port)
  const without: string[] = []
  for (const path of paths) if ((await visit(path)).cookies.length === 0) without.push(path)
  // The one that gave them knows them: how that looks is what the others are held against.
  const known = new Map<string, Page>()
  for (const path of paths) known.set(path, await visit(path))
  const shown = [...jar.values()]
  const ask = async (port: number, by: string): Promise<Finding[]> => {
    const findings: Finding[] = []
    for (const [path, page] of known) {
      const answer = await askPage(port, path, shown.join('; '))
      findings.push(...unknownIn(page, answer, { path, from: first.id, by, shown }))
    }
    return findings
  }
  const findings: Finding[] = []
  for (const { id, port } of others) findings.push(...(await ask(port, id)))
  fixture.apply({ do: 'restart', targets: [first.id] })
  if (await isBack(fixture, first.id, first.token))
    findings.push(...(await ask(first.port, `${first.id} after its restart`)))
  return { findings, without, restarted: [first.id] }
}

interface Asked {
  readonly path: string
  readonly from: string
  readonly by: string
  /** `name=value` of what was shown. */
  readonly shown: readonly string[]
}

/** The cookies that an answer shows not to be known: it sets them anew, or it is another answer. */
function unknownIn(known: Page, answer: Page, { path, from, by, shown }: Asked): Finding[] {
  const rolling = new Set(known.cookies.flatMap(({ name, pair }) => (shown.includes(pair) ? [] : [name])))
  const anew = answer.cookies.filter(({ name, pair }) => !shown.includes(pair) && !rolling.has(name))
  const isOther = answer.status !== known.status || answer.location !== known.location
  const names = anew.length > 0 ? anew.map(({ name }) => name) : isOther ? [shown.map(nameOf).join(', ')] : []
  const to = answer.location === undefined ? '' : ` to ${answer.location}`
  const what = isOther ? `${answer.status}${to} instead of ${known.status}` : 'it was given a new one'
  return names.map((name) => ({
    rule: 'session',
    subject: name,
    evidence: `cookie "${name}" set by ${from} was unknown to ${by} (GET ${path}: ${what})`,
  }))
}

function nameOf(pair: string): string {
  return pair.slice(0, pair.indexOf('='))
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
