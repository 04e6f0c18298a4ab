import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from '../core/finding.ts'
import { isReady, typeOf } from '../core/readiness.ts'
import { ROUTED_TYPE } from '../core/router.ts'
import { bootNow } from '../runtime/clock.ts'
import { askPage } from '../runtime/ask-page.ts'
import type { Page } from '../runtime/ask-page.ts'
import type { Fixture } from './fixture.ts'

const LOOK_AGAIN_MS = 20
const READY_WITHIN_MS = 60_000

/** Shows a cookie that one process has set to the others, and to itself after a restart; what they did not know. */
export async function probePages(fixture: Fixture, paths: readonly string[]): Promise<Finding[]> {
  const found = new Map<string, Finding>()
  for (const path of paths) {
    for (const finding of await probePage(fixture, path)) {
      const key = `${path} ${finding.subject}`
      if (!found.has(key)) found.set(key, finding)
    }
  }
  return [...found.values()]
}

async function probePage(fixture: Fixture, path: string): Promise<Finding[]> {
  const [first, ...others] = fixture.runs().filter(({ id }) => typeOf(id) === ROUTED_TYPE)
  if (first === undefined) return []
  const given = await askPage(first.port, path, '')
  if (given.cookies.length === 0) return []
  const jar = given.cookies.map(({ pair }) => pair).join('; ')
  // The one that gave it knows it: how that looks is what the others are held against.
  const known = await askPage(first.port, path, jar)
  const findings: Finding[] = []
  for (const { id, port } of others) {
    const answer = await askPage(port, path, jar)
    findings.push(...unknownIn(known, answer, { path, from: first.id, by: id }))
  }
  fixture.apply({ do: 'restart', targets: [first.id] })
  if (await isBack(fixture, first.id, first.token)) {
    const answer = await askPage(first.port, path, jar)
    findings.push(...unknownIn(known, answer, { path, from: first.id, by: `${first.id} after its restart` }))
  }
  return findings
}

interface Asked {
  readonly path: string
  readonly from: string
  readonly by: string
}

/** The cookies that an answer shows not to be known: it sets them anew, or it is another answer. */
function unknownIn(known: Page, answer: Page, { path, from, by }: Asked): Finding[] {
  const before = new Set(known.cookies.map(({ name }) => name))
  const anew = answer.cookies.filter(({ name }) => !before.has(name)).map(({ name }) => name)
  const isOther = answer.status !== known.status || answer.location !== known.location
  const names = anew.length > 0 ? anew : isOther ? [known.sent] : []
  const to = answer.location === undefined ? '' : ` to ${answer.location}`
  const what = isOther ? `${answer.status}${to} instead of ${known.status}` : 'it was given a new one'
  return names.map((name) => ({
    rule: 'session',
    subject: name,
    evidence: `cookie "${name}" set by ${from} was unknown to ${by} (GET ${path}: ${what})`,
  }))
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
