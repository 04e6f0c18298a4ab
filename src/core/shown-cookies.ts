import type { Finding } from './finding.ts'

/** An answer of one process, as far as a cookie shows in it. */
export interface Page {
  readonly status: number
  readonly location: string | undefined
  /** `name=value` of every cookie that was set, and its name. */
  readonly cookies: readonly { readonly name: string; readonly pair: string }[]
}

/** How a page answers a visitor whom the process knows. */
export interface KnownPage extends Page {
  /** The cookies that it gives another value each time, whoever comes. */
  readonly anew: ReadonlySet<string>
  /** It leads to the same place each time. */
  readonly isSteady: boolean
}

/** What two visits of a page tell; `jar` is what the visitor had before the second one, by name. */
export function knownPage(first: Page, second: Page, jar: ReadonlyMap<string, string>): KnownPage {
  const anew = second.cookies.filter(({ name, pair }) => jar.get(name) !== pair).map(({ name }) => name)
  const isSteady = first.status === second.status && first.location === second.location
  return { ...second, anew: new Set(anew), isSteady }
}

/** Whether all that the visitor has is given anew each time. */
export function isAllAnew({ anew }: KnownPage, jar: ReadonlyMap<string, string>): boolean {
  return anew.size > 0 && [...jar.keys()].every((name) => anew.has(name))
}

export interface Asked {
  readonly path: string
  readonly from: string
  readonly by: string
  /** `name=value` of what was shown, by name. */
  readonly shown: ReadonlyMap<string, string>
}

/** The cookies that an answer shows not to be known: it sets them anew, or it is another answer. */
export function unknownIn(known: KnownPage, answer: Page, { path, from, by, shown }: Asked): Finding[] {
  const anew = answer.cookies.filter(({ name, pair }) => shown.get(name) !== pair && !known.anew.has(name))
  const isOther = known.isSteady && (answer.status !== known.status || answer.location !== known.location)
  const names = anew.length > 0 ? anew.map(({ name }) => name) : isOther ? [[...shown.keys()].join(', ')] : []
  const to = answer.location === undefined ? '' : ` to ${answer.location}`
  const what = isOther ? `${answer.status}${to} instead of ${known.status}` : 'it was given a new one'
  return names.map((name) => ({
    rule: 'session',
    subject: name,
    evidence: `cookie "${name}" set by ${from} was unknown to ${by} (GET ${path}: ${what})`,
  }))
}
