import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
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

/**
 * Visits pages in a row, as one visitor of one process, and shows the cookies that it has set to the others, and to
 * itself after a restart; what they did not know. Errors: TwRunError 1 if a page does not answer, or none sets a cookie.
 */
export async function probePages(fixture: Fixture, paths: readonly string[]): Promise<Probed> {
  const [first, ...others] = fixture.runs().filter(({ id }) => typeOf(id) === ROUTED_TYPE)
  if (first === undefined) return { findings: [], without: paths, restarted: [] }
  const jar = new Map<string, string>()
  const without: string[] = []
  const visit = async (path: string): Promise<Page> => {
    const page = await askPage(first.port, path, [...jar.values()].join('; '))
    for (const { name, pair } of page.cookies) jar.set(name, pair)
    return page
  }
  for (const path of paths) if ((await visit(path)).cookies.length === 0) without.push(path)
  if (jar.size === 0) throw nothingToShow(paths)
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
  return { findings, without: jar.size === 0 ? paths : without, restarted: [first.id] }
}

function nothingToShow(paths: readonly string[]): TwRunError {
  return new TwRunError(`nothing to prove: ${paths.map((path) => `GET ${path}`).join(', ')} set no cookie`, {
    exitCode: 3,
    hint: 'name a page that sets one, such as --path /login --path /cart, or give a test command',
  })
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
