import picomatch from 'picomatch'
import { describeLost, lostSessions } from '../core/exchange.ts'
import type { Exchange } from '../core/exchange.ts'
import { divide } from '../core/finding.ts'
import type { Finding } from '../core/finding.ts'
import { randomOf } from '../core/seeded.ts'
import { advised } from '../core/verdict.ts'
import type { Verdict } from '../core/verdict.ts'
import { NOT_LOOKED_AT } from '../runtime/open-files.ts'
import { Disturber } from './disturber.ts'
import { openAudited } from './audited-fixture.ts'
import type { Fixture } from './fixture.ts'
import type { ProvePlan } from './prove-plan.ts'
import { probePages } from './prove-probe.ts'
import type { ProveOptions } from './prove.ts'
import { StopWatch } from './stop-watch.ts'
import type { TestRounds } from './test-rounds.ts'
import { tryOut } from './trial.ts'
import type { Trial } from './trial.ts'

/** How long the proof lasts at least, ms, where nothing was asked for. */
const USUAL_MS = 5_000
/** How much longer it may last until every process has been replaced once, ms. */
const UNTIL_ALL_MS = 30_000

export interface ProofGiven {
  readonly plan: ProvePlan
  readonly options: ProveOptions
  readonly seed: number
  readonly tests: TestRounds
  /** How long the tests took undisturbed; undefined where there are none. */
  readonly baselineMs: number | undefined
  /** What was found undisturbed already. */
  readonly findings: readonly Finding[]
}

interface Done {
  readonly code: number | undefined
  readonly rounds: number
  readonly findings: readonly Finding[]
}

/** Disturbs a formation while its tests run, and looks at what it does; the verdict, or an exit code if it was broken off. */
export async function proof(given: ProofGiven): Promise<Verdict | number> {
  const { plan, options, seed, baselineMs = 0 } = given
  const stops = new StopWatch(plan.graceMs)
  const { fixture, results } = await openAudited(plan.proof, plan, stops.hear)
  const disturber = new Disturber(fixture, randomOf(seed), plan.disturbed)
  const trial = await tryOut(fixture, () => disturbed(given, fixture, disturber))
  await disturber.stop()
  const { counts } = fixture.session
  const { survivors } = await fixture.close({ kind: 'done' }, () => '')
  if (trial.interruptedBy !== undefined) return trial.interruptedBy
  const { findings: seen, trace, isCut } = results()
  const findings = distinct([
    ...(trial.result?.findings ?? []),
    ...testFindings(trial, trace),
    ...given.findings,
    ...seen,
    ...stops.findings,
    ...survivors.map(({ command, pid }): Finding => {
      return { rule: 'leftover', subject: command, evidence: `${command} (pid ${pid}) could not be ended` }
    }),
  ])
  const matches = (subject: string, glob: string): boolean => picomatch.isMatch(subject, glob, { dot: true })
  const { counted, meant } = divide(findings, plan.ignored, matches)
  return {
    version: 1,
    seed,
    shareNothing: counted.length === 0,
    formation: counts,
    url: fixture.app.router === undefined ? null : `http://127.0.0.1:${fixture.app.router.port}`,
    baseline: { passed: true, ms: Math.round(baselineMs) },
    proof: {
      rounds: trial.result?.rounds ?? 0,
      failed: trial.result?.code === undefined ? 0 : 1,
      recycled: disturber.count,
      requests: trace.length,
      ms: Math.round(trial.ms),
      slowestStopMs: options.kill === true ? null : stops.slowestMs,
      stops: stops.stops,
    },
    findings: counted.map(advised),
    ignored: meant,
    notLookedAt: [...NOT_LOOKED_AT, ...(isCut ? ['some files of the app: there are too many'] : [])],
  }
}

async function disturbed(
  { options, tests, baselineMs = 0 }: ProofGiven,
  fixture: Fixture,
  disturber: Disturber,
): Promise<Done> {
  if (options.path !== undefined) {
    return { code: undefined, rounds: 0, findings: await probePages(fixture, options.path) }
  }
  const begun = performance.now()
  const leastMs = options.for ?? USUAL_MS
  disturber.start()
  const isEnough = (): boolean => {
    const ms = performance.now() - begun
    return ms >= leastMs && (disturber.hasMetAll || ms >= leastMs + UNTIL_ALL_MS)
  }
  return { ...(await tests.until(isEnough, fixture, baselineMs)), findings: [] }
}

/** Each thing once, however often it was seen. */
function distinct(findings: readonly Finding[]): Finding[] {
  const known = new Map<string, Finding>()
  for (const one of findings.toReversed()) known.set(`${one.rule} ${one.subject}`, one)
  return [...known.values()].toReversed()
}

/** Why the tests failed, as far as the router has seen it. */
function testFindings({ result, broken }: Trial<Done>, trace: readonly Exchange[]): Finding[] {
  if (broken !== undefined) {
    const evidence = `with several of each type, or when one was replaced: ${broken}`
    return [{ rule: 'tests', subject: 'formation', evidence }]
  }
  if (result?.code === undefined) return []
  const lost = lostSessions(trace)
  const evidence = `the tests passed undisturbed and failed in round ${result.rounds} (exit code ${result.code})`
  return lost.length === 0
    ? [{ rule: 'tests', subject: 'tests', evidence }]
    : lost.map((one) => ({ rule: 'session', subject: one.cookie, evidence: describeLost(one) }))
}
