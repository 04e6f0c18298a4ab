import { ADVICE, LINES } from './finding.ts'
import type { Finding } from './finding.ts'
import type { ProcessId } from './names.ts'

/** What was proved, for a program; the table for a person is made of it. */
export interface Verdict {
  readonly version: 1
  readonly seed: number
  readonly shareNothing: boolean
  readonly formation: Readonly<Record<string, number>>
  /** Backing services, which were left alone. */
  readonly kept: readonly string[]
  /** Of the router; null where there is no web. */
  readonly url: string | null
  /** Null where there are no tests. */
  readonly baseline: { readonly passed: true; readonly ms: number } | null
  readonly proof: Proof
  readonly findings: readonly (Finding & { readonly breaks: string; readonly instead: string })[]
  /** Found, and meant to be so by `--ignore`. */
  readonly ignored: readonly Finding[]
  /** What this machine does not let one look at. */
  readonly notLookedAt: readonly string[]
  /** Why nothing is known of sessions, and what to do about that; undefined if something is. */
  readonly nothingToProve?: string | undefined
}

/** What a program reads where it did not come to a verdict: there was nothing to prove, or something came in between. */
export type NoVerdict = {
  readonly version: 1
  readonly seed: number
  readonly shareNothing: false
} & ({ readonly nothingToProve: string } | { readonly cause: string })

export interface Proof {
  /** How often the tests ran, and how often they failed. */
  readonly rounds: number
  readonly failed: number
  readonly recycled: number
  /** What was replaced, in this order, which the seed decides. */
  readonly order: readonly ProcessId[]
  readonly requests: number
  readonly ms: number
  /** Of those that were told to stop; null if none was. */
  readonly slowestStopMs: number | null
  readonly stops: number
}

/** A finding and what to do about it, as programs read it. */
export function advised(finding: Finding): Verdict['findings'][number] {
  const { breaks, instead } = ADVICE[finding.rule]
  return { ...finding, breaks, instead }
}

/** What was done for the proof, in a line. */
export function proofLine({ seed, formation, url, proof }: Verdict): string {
  const { recycled, requests, ms } = proof
  const processes = Object.entries(formation)
    .filter(([, count]) => count > 0)
    .map(([type, count]) => `${count} ${type}`)
    .join(', ')
  const where = url === null ? '' : ` behind ${url}`
  const rate = requests === 0 ? '' : `, ${requests} requests`
  return `proof      seed ${seed}: ${processes}${where}, ${recycled} recycled${rate} in ${seconds(ms)}`
}

/** More findings of one line than this are counted. */
const MOST_SHOWN = 5
const INDENT = ' '.repeat(12)

/** The verdict as a table that a person understands at a glance. */
export function verdictLines(verdict: Verdict): string[] {
  const { findings, ignored, notLookedAt } = verdict
  const lines = LINES.flatMap((line) => {
    const found = findings.filter(({ rule }) => ADVICE[rule].line === line)
    if (found.length === 0) return [withoutFinding(line, verdict)]
    return found.slice(0, MOST_SHOWN).flatMap((finding, index) => {
      const advice = found.findIndex(({ rule }) => rule === finding.rule) === index
      const rest = index === MOST_SHOWN - 1 && found.length > MOST_SHOWN ? found.length - MOST_SHOWN : 0
      return [
        `✘ ${line.padEnd(9)} ${finding.evidence}`,
        ...(advice ? [`${INDENT}${finding.breaks} ${finding.instead}`] : []),
        ...(rest > 0 ? [`${INDENT}and ${rest} more`] : []),
      ]
    })
  })
  return [
    ...lines,
    ...ignored.map(({ rule, evidence }) => `- ${rule.padEnd(9)} ${evidence} (ignored)`),
    ...notLookedAt.map((what) => `? not looked at here: ${what}`),
    ...conclusions(verdict),
  ]
}

function conclusions({ seed, findings, ignored, nothingToProve, proof }: Verdict): string[] {
  const nothing = nothingToProve === undefined ? [] : [`nothing to prove of sessions: ${nothingToProve}`]
  if (findings.length > 0) {
    const count = `${findings.length} finding${findings.length === 1 ? '' : 's'}`
    return [`not share-nothing: ${count}; repeat with --seed ${seed}`, ...nothing]
  }
  if (nothing.length > 0) return nothing
  return [
    `share-nothing: nothing found ${ignored.length === 0 ? '' : 'but what is ignored, '}in ${seconds(proof.ms)}`,
  ]
}

/** Tests that failed may be meant to, but did not pass; those that asked nothing have shown nothing. */
function withoutFinding(line: (typeof LINES)[number], { url, proof, nothingToProve }: Verdict): string {
  const { rounds, failed } = proof
  const name = line.padEnd(9)
  if (line === 'session' && nothingToProve !== undefined)
    return `? ${name} the tests asked nothing of ${url}, and so nobody answered them`
  if (line === 'session' && failed > 0)
    return `- ${name} the tests failed in ${failed} of ${rounds} rounds, and all that was found of it is ignored`
  return `✔ ${name} ${fine(line, proof)}`
}

function fine(line: (typeof LINES)[number], { rounds, stops, slowestStopMs, requests }: Proof): string {
  switch (line) {
    case 'session':
      return rounds > 0
        ? `the tests passed ${rounds} time${rounds === 1 ? '' : 's'} whoever answered (${requests} requests)`
        : 'every process knew what one had set'
    case 'files':
      return 'no file written in the app, or seen open elsewhere, survives'
    case 'assets':
      return 'no asset was compiled while it ran'
    case 'shared':
      return 'no file, memory or port shared by two processes'
    case 'stop': {
      const slowest =
        slowestStopMs === null ? '' : `slowest of ${stops} stops took ${seconds(slowestStopMs)}; `
      return `${slowest}nothing survived`
    }
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
