import picomatch from 'picomatch'
import type { Exchange } from '../core/exchange.ts'
import { distinct, grouped } from '../core/audit.ts'
import type { FileFinding } from '../core/audit.ts'
import { isIgnored } from '../core/finding.ts'
import type { Finding, Ignored } from '../core/finding.ts'
import { randomOf } from '../core/seeded.ts'
import { withPid } from '../core/survivors.ts'
import { advised } from '../core/verdict.ts'
import type { Verdict } from '../core/verdict.ts'
import type { Carrier } from '../runtime/process-table.ts'
import { NOT_LOOKED_AT } from '../runtime/open-files.ts'
import { openAudited } from './audited-fixture.ts'
import type { AuditedFixture } from './audited-fixture.ts'
import { disturbedRounds, NO_ROUNDS } from './disturbed-rounds.ts'
import type { Rounds } from './disturbed-rounds.ts'
import { Disturber } from './disturber.ts'
import type { EndSignal, Interruption } from './interruption.ts'
import type { ProvePlan } from './prove-plan.ts'
import { probePages } from './prove-probe.ts'
import type { Probed } from './prove-probe.ts'
import type { ProveOptions } from './prove.ts'
import { StopWatch } from './stop-watch.ts'
import { isUnmeant, testFindings } from './test-findings.ts'
import type { Traces } from './test-findings.ts'
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
  readonly interruption: Interruption
  /** How long the tests took undisturbed; undefined where there are none. */
  readonly baselineMs: number | undefined
  /** What was found undisturbed already. */
  readonly findings: readonly (Finding | FileFinding)[]
  /** What the router has seen then. */
  readonly trace: readonly Exchange[]
}

interface Done {
  readonly rounds: Rounds
  readonly probed: Probed | undefined
}

/** Disturbs a formation while its tests run, and looks at what it does; the verdict, or the signal that broke it off. */
export async function proof(given: ProofGiven): Promise<Verdict | EndSignal> {
  const { plan, seed, interruption } = given
  const stops = new StopWatch(plan)
  const audited = await openAudited(plan.proof, plan, stops.hear)
  const { fixture, results } = audited
  interruption.tell(fixture)
  const disturber = new Disturber(fixture, randomOf(seed), plan.disturbed)
  const trial = await tryOut(fixture, () => {
    stops.formationIsReady()
    return disturbed(given, { ...audited, disturber, stops })
  })
  await disturber.stop()
  const { counts } = fixture.session
  const { survivors } = await fixture.close({ kind: 'done' }, () => '')
  const seen = results()
  if (survivors.length === 0) plan.forget(fixture.state)
  if (interruption.signal !== undefined) return interruption.signal
  const { result } = trial
  const url = fixture.app.router === undefined ? null : `http://127.0.0.1:${fixture.app.router.port}`
  const order = result?.probed?.restarted ?? disturber.order
  const { rounds, failures } = result?.rounds ?? NO_ROUNDS
  const { always, found } = foundBy(trial, { undisturbed: given.trace, disturbed: seen.trace }, meantBy(plan))
  return verdictOf(
    given,
    { always, found: [...found, ...seen.findings, ...stops.findings, ...survivors.map(survived)] },
    {
      formation: counts,
      url,
      proof: {
        rounds,
        failed: failures,
        recycled: order.length,
        order,
        requests: seen.trace.length,
        ms: Math.round(trial.ms),
        slowestStopMs: given.options.kill === true ? null : stops.slowestMs,
        stops: stops.stops,
      },
      notLookedAt: [
        ...NOT_LOOKED_AT,
        ...seen.cut.map(
          (link) => `some files ${link === '' ? 'of the app' : `below ${link}`}: there are too many`,
        ),
        ...(result?.probed?.untelling ?? []),
      ],
    },
  )
}

interface Found {
  /** What nobody can mean to be so. */
  readonly always: readonly Finding[]
  readonly found: readonly (Finding | FileFinding)[]
}

function verdictOf(
  { plan, seed, baselineMs, findings }: ProofGiven,
  { always, found }: Found,
  rest: Pick<Verdict, 'formation' | 'url' | 'proof' | 'notLookedAt'>,
): Verdict {
  const isMeant = meantBy(plan)
  const nothingToProve = baselineMs === undefined ? undefined : askedNothing(rest)
  const all = distinct([...found, ...findings])
  const counted = [...always, ...all.filter((one) => !isMeant(one))]
  const meant = all.filter(isMeant)
  return {
    version: 1,
    seed,
    shareNothing: counted.length === 0 && nothingToProve === undefined,
    kept: plan.kept,
    baseline: baselineMs === undefined ? null : { passed: true, ms: Math.round(baselineMs) },
    findings: grouped(counted).map(advised),
    ignored: grouped(meant),
    ...(nothingToProve === undefined ? {} : { nothingToProve }),
    ...rest,
  }
}

/** Whether a process knows what another one has set shows only in what both are asked. */
function askedNothing({ url, proof }: Pick<Verdict, 'url' | 'proof'>): string | undefined {
  if (url === null || proof.rounds === 0 || proof.requests > 0) return undefined
  return `your tests asked nothing of ${url}; they have to ask the app where BASE_URL says, as in: curl "$BASE_URL/"; if web is none of theirs, leave it out: --except web`
}

function meantBy({ ignored }: { readonly ignored: readonly Ignored[] }): (finding: Finding) => boolean {
  const matches = (subject: string, glob: string): boolean => picomatch.isMatch(subject, glob, { dot: true })
  return (finding) => isIgnored(finding, ignored, matches)
}

interface Scene extends AuditedFixture {
  readonly disturber: Disturber
  readonly stops: StopWatch
}

async function disturbed(
  { plan, options, tests, baselineMs = 0 }: ProofGiven,
  { fixture, look, trace, disturber, stops }: Scene,
): Promise<Done> {
  if (options.path !== undefined) {
    look()
    return { rounds: NO_ROUNDS, probed: await probePages(fixture, options.path) }
  }
  const begun = performance.now()
  const leastMs = options.for ?? USUAL_MS
  const isMeant = meantBy(plan)
  const rounds = await disturbedRounds({
    once: async () => await tests.once(fixture, baselineMs),
    isEnding: () => fixture.session.ending !== undefined,
    endsAll: () => isUnmeant(trace(), isMeant),
    disturb: () => {
      // Later looks are few where the machine is busy, and may each miss who is just being replaced.
      look()
      disturber.start()
    },
    isEnough: () => {
      const ms = performance.now() - begun
      const isAll = disturber.hasMetAll || stops.hasDeserter || ms >= leastMs + UNTIL_ALL_MS
      return ms >= leastMs && isAll
    },
  })
  return { rounds, probed: undefined }
}

/** A formation that is not there has shown nothing, whatever is meant to be so. */
function foundBy(
  { broken, result }: Trial<Done>,
  traces: Traces,
  isMeant: (finding: Finding) => boolean,
): Found {
  if (broken !== undefined) {
    const evidence = `with several of each type, or when one was replaced: ${broken}`
    return { always: [{ rule: 'tests', subject: 'formation', evidence }], found: [] }
  }
  const ofTests = testFindings(result?.rounds ?? NO_ROUNDS, traces, isMeant)
  return { always: [], found: [...(result?.probed?.findings ?? []), ...ofTests] }
}

function survived(survivor: Carrier): Finding {
  return {
    rule: 'leftover',
    subject: survivor.command,
    evidence: `${withPid(survivor)} could not be ended`,
  }
}
