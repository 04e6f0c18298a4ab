import picomatch from 'picomatch'
import { describeLost, lostSessions } from '../core/exchange.ts'
import type { Exchange } from '../core/exchange.ts'
import { distinct, grouped } from '../core/audit.ts'
import type { FileFinding } from '../core/audit.ts'
import { divide } from '../core/finding.ts'
import type { Finding } from '../core/finding.ts'
import { randomOf } from '../core/seeded.ts'
import { advised } from '../core/verdict.ts'
import type { Verdict } from '../core/verdict.ts'
import type { Carrier } from '../runtime/process-table.ts'
import { NOT_LOOKED_AT } from '../runtime/open-files.ts'
import { Disturber } from './disturber.ts'
import { openAudited } from './audited-fixture.ts'
import type { Fixture } from './fixture.ts'
import type { Interruption } from './interruption.ts'
import type { ProvePlan } from './prove-plan.ts'
import { probePages } from './prove-probe.ts'
import type { Probed } from './prove-probe.ts'
import type { ProveOptions } from './prove.ts'
import { StopWatch } from './stop-watch.ts'
import { describeFailure, hasFailed } from './test-rounds.ts'
import type { TestRound, TestRounds } from './test-rounds.ts'
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
  readonly interruption: Interruption
  /** How long the tests took undisturbed; undefined where there are none. */
  readonly baselineMs: number | undefined
  /** What was found undisturbed already. */
  readonly findings: readonly (Finding | FileFinding)[]
}

interface Done {
  /** Undefined if all passed. */
  readonly failed: TestRound | undefined
  readonly rounds: number
  readonly probed: Probed | undefined
}

/** Disturbs a formation while its tests run, and looks at what it does; the verdict, or an exit code if it was broken off. */
export async function proof(given: ProofGiven): Promise<Verdict | number> {
  const { plan, seed, interruption } = given
  const stops = new StopWatch(plan)
  const { fixture, look, results } = await openAudited(plan.proof, plan, stops.hear)
  interruption.tell(fixture)
  const disturber = new Disturber(fixture, randomOf(seed), plan.disturbed)
  const trial = await tryOut(fixture, () => {
    stops.formationIsReady()
    return disturbed(given, { fixture, look, disturber, stops })
  })
  await disturber.stop()
  const { counts } = fixture.session
  const { survivors } = await fixture.close({ kind: 'done' }, () => '')
  const seen = results()
  if (survivors.length === 0) plan.forget(fixture.state)
  const interruptedBy = trial.interruptedBy ?? interruption.code
  if (interruptedBy !== undefined) return interruptedBy
  const { result } = trial
  const url = fixture.app.router === undefined ? null : `http://127.0.0.1:${fixture.app.router.port}`
  const order = result?.probed?.restarted ?? disturber.order
  return verdictOf(
    given,
    [...testFindings(trial, seen.trace), ...seen.findings, ...stops.findings, ...survivors.map(survived)],
    {
      formation: counts,
      url,
      proof: {
        rounds: result?.rounds ?? 0,
        failed: result?.failed === undefined ? 0 : 1,
        recycled: order.length,
        order,
        requests: seen.trace.length,
        ms: Math.round(trial.ms),
        slowestStopMs: given.options.kill === true ? null : stops.slowestMs,
        stops: stops.stops,
      },
      notLookedAt: [
        ...NOT_LOOKED_AT,
        ...(seen.isCut ? ['some files of the app: there are too many'] : []),
        ...(result?.probed?.without ?? []).map((path) => `GET ${path}: it set no cookie that could be shown`),
      ],
    },
  )
}

function verdictOf(
  { plan, seed, baselineMs, findings }: ProofGiven,
  seen: readonly (Finding | FileFinding)[],
  rest: Pick<Verdict, 'formation' | 'url' | 'proof' | 'notLookedAt'>,
): Verdict {
  const matches = (subject: string, glob: string): boolean => picomatch.isMatch(subject, glob, { dot: true })
  const { counted, meant } = divide(distinct([...seen, ...findings]), plan.ignored, matches)
  return {
    version: 1,
    seed,
    shareNothing: counted.length === 0,
    kept: plan.kept,
    baseline: baselineMs === undefined ? null : { passed: true, ms: Math.round(baselineMs) },
    findings: grouped(counted).map(advised),
    ignored: grouped(meant),
    ...rest,
  }
}

interface Scene {
  readonly fixture: Fixture
  readonly look: () => void
  readonly disturber: Disturber
  readonly stops: StopWatch
}

async function disturbed(
  { options, tests, baselineMs = 0 }: ProofGiven,
  { fixture, look, disturber, stops }: Scene,
): Promise<Done> {
  if (options.path !== undefined) {
    look()
    return { failed: undefined, rounds: 0, probed: await probePages(fixture, options.path) }
  }
  const begun = performance.now()
  // While one of two is replaced, the other one answers all: so first a round with everybody there.
  const first = await tests.once(fixture, baselineMs)
  if (hasFailed(first) || fixture.session.ending !== undefined)
    return { failed: first, rounds: 1, probed: undefined }
  // Later looks are few where the machine is busy, and may each miss who is just being replaced.
  look()
  disturber.start()
  const leastMs = options.for ?? USUAL_MS
  const isEnough = (): boolean => {
    const ms = performance.now() - begun
    const isAll = disturber.hasMetAll || stops.hasDeserter || ms >= leastMs + UNTIL_ALL_MS
    return ms >= leastMs && isAll
  }
  const { failed, rounds } = await tests.until(isEnough, fixture, baselineMs)
  return { failed, rounds: 1 + rounds, probed: undefined }
}

/** Why the tests failed, as far as the router has seen it; what a page did not know. */
function testFindings({ result, broken }: Trial<Done>, trace: readonly Exchange[]): readonly Finding[] {
  if (broken !== undefined) {
    const evidence = `with several of each type, or when one was replaced: ${broken}`
    return [{ rule: 'tests', subject: 'formation', evidence }]
  }
  if (result?.failed === undefined) return result?.probed?.findings ?? []
  const lost = lostSessions(trace)
  const when =
    result.rounds === 1
      ? 'with one process of each type and failed with several'
      : `undisturbed and failed while processes were replaced, in round ${result.rounds}`
  const evidence = `the tests passed ${when} (${describeFailure(result.failed)})`
  return lost.length === 0
    ? [{ rule: 'tests', subject: 'tests', evidence }]
    : lost.map((one) => ({ rule: 'session', subject: one.cookie, evidence: describeLost(one) }))
}

function survived({ command, pid }: Carrier): Finding {
  return { rule: 'leftover', subject: command, evidence: `${command} (pid ${pid}) could not be ended` }
}
