import { isOther } from './exchange.ts'
import type { Exchange, LostSession } from './exchange.ts'

/** So many who do not know a cookie, at one page: one alone may have had another reason to replace it. */
const STRANGERS_AT_LEAST = 3

/** A cookie that was brought to a page, after some process had set it. */
interface Brought {
  readonly cookie: string
  readonly from: Exchange
  readonly by: Exchange
  /** What the page did with it: it gave a value that nobody had had before, or one of those that were there. */
  readonly answer: 'kept' | 'fresh' | 'given again'
}

/**
 * The cookies that are replaced by every process which has not set them, and by none that has, at pages where nobody
 * replaced them undisturbed. No test has to fail for that, and it has no other reason: who has set a cookie replaces it as
 * well where its age, what is in it or chance decides; and a value that was there before, such as the name of the process,
 * is no new session.
 */
export function replacedSessions(
  undisturbed: readonly Exchange[],
  disturbed: readonly Exchange[],
): LostSession[] {
  const before = byPage(undisturbed)
  const found = new Map<string, LostSession>()
  for (const [what, all] of byPage(disturbed)) {
    const strangers = all.filter(({ from, by }) => isOther(from, by))
    const own = all.filter(({ from, by }) => !isOther(from, by))
    const [first] = strangers
    if (first === undefined || strangers.length < STRANGERS_AT_LEAST || found.has(first.cookie)) continue
    const wasKept = areAll(before.get(what) ?? [], 'kept') && areAll(own, 'kept')
    if (wasKept && areAll(strangers, 'fresh')) found.set(first.cookie, first)
  }
  return [...found.values()]
}

/** False where there is none: then nothing is known. */
function areAll(some: readonly Brought[], answer: Brought['answer']): boolean {
  return some.length > 0 && some.every((one) => one.answer === answer)
}

function byPage(exchanges: readonly Exchange[]): Map<string, Brought[]> {
  const pages = new Map<string, Brought[]>()
  const setters = new Map<string, Exchange>()
  for (const by of exchanges) {
    const { method, path, sent, set } = by
    for (const { name, key } of sent) {
      const from = setters.get(`${name} ${key}`)
      if (from === undefined) continue
      const given = set.filter((cookie) => cookie.name === name)
      const isFresh = given.some((cookie) => !setters.has(`${name} ${cookie.key}`))
      const answer = given.length === 0 ? 'kept' : isFresh ? 'fresh' : 'given again'
      const what = `${name} ${method} ${path}`
      const page = pages.get(what) ?? []
      page.push({ cookie: name, from, by, answer })
      pages.set(what, page)
    }
    for (const { name, key } of set) if (!setters.has(`${name} ${key}`)) setters.set(`${name} ${key}`, by)
  }
  return pages
}
