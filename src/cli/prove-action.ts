import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { FileFinding } from '../core/audit.ts'
import { formatDiagnostic } from '../core/diagnostic.ts'
import { TwRunError } from '../core/error.ts'
import type { Exchange } from '../core/exchange.ts'
import { exitCodeOfSignal } from '../core/exit.ts'
import type { Finding } from '../core/finding.ts'
import { printable } from '../core/printable.ts'
import type { Flags } from '../core/settings.ts'
import { proofLine, verdictLines } from '../core/verdict.ts'
import type { NoVerdict, Verdict } from '../core/verdict.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { requireLastingFiles } from '../runtime/lasting-files.ts'
import { SignalRelay } from '../runtime/one-off.ts'
import { mention, say } from '../runtime/terminal.ts'
import { openAudited } from './audited-fixture.ts'
import { Interruption } from './interruption.ts'
import type { EndSignal } from './interruption.ts'
import { lastLines } from './last-lines.ts'
import { proof } from './proof.ts'
import { planProof } from './prove-plan.ts'
import type { ProvePlan } from './prove-plan.ts'
import type { ProveOptions } from './prove.ts'
import { refusePages } from './prove-probe.ts'
import type { Refusal } from './prove-probe.ts'
import { requireCommand } from './require-command.ts'
import { describeFailure, hasFailed, TestRounds } from './test-rounds.ts'
import type { TestRound } from './test-rounds.ts'
import { prepareReports } from './with-reports.ts'
import { tryOut } from './trial.ts'

const STDOUT = 1
const SEEDS = 1_000_000
/** The exit code of a verdict that went against the app. */
const AGAINST = 3
const NOBODY: Refusal = {
  wrong:
    'no process could be replaced: whatever runs is a backing service or runs to its end; name a type that goes on, as in -m web=2',
  blamed: [],
}

/** Proves that an app is share-nothing, or not; the exit code. Errors: TwRunError. */
export async function prove(words: readonly string[], flags: Flags, options: ProveOptions): Promise<number> {
  requireLastingFiles(flags, process.env)
  closeInheritedDescriptors()
  prepareReports(options.report)
  const seed = options.seed ?? randomInt(SEEDS)
  const interruption = new Interruption()
  try {
    return await baselineAndProof(words, flags, { options, seed, interruption })
  } catch (error) {
    if (error instanceof TwRunError)
      report(options, { version: 1, seed, shareNothing: false, cause: error.message })
    throw error
  } finally {
    interruption.release()
  }
}

interface Given {
  readonly options: ProveOptions
  readonly seed: number
  readonly interruption: Interruption
}

async function baselineAndProof(words: readonly string[], flags: Flags, given: Given): Promise<number> {
  const { options, seed, interruption } = given
  if (options.path === undefined) requireCommand(words, 'name one: tw-run prove -- <test command>')
  const plan = await planProof(flags, options)
  for (const warning of plan.warnings) mention(`${formatDiagnostic(warning)}\n`)
  const relay = new SignalRelay(plan.graceMs)
  try {
    for (const type of plan.kept) line(`kept       ${type}, a backing service: one process, left alone`)
    if (plan.disturbed.length === 0) return nothingToProve(NOBODY, seed, options)
    const tests = new TestRounds({ words, relay, limitMs: options.limit })
    const before = await baseline(plan, { tests, paths: options.path }, interruption)
    if (interruption.signal !== undefined) return brokenOff(interruption.signal, 'baseline', given)
    if ('wrong' in before) return nothingToProve(before, seed, options)
    const { ms: baselineMs, findings, trace } = before
    const verdict = await proof({ plan, options, seed, tests, interruption, baselineMs, findings, trace })
    return typeof verdict === 'string' ? brokenOff(verdict, 'proof', given) : tell(verdict, tests, options)
  } finally {
    relay.release()
  }
}

interface Baseline {
  /** How long the tests take undisturbed; undefined where there are none. */
  readonly ms: number | undefined
  readonly findings: readonly (Finding | FileFinding)[]
  readonly trace: readonly Exchange[]
}

/** What is done undisturbed: the tests, or where there are none, a look at the pages. */
interface Work {
  readonly tests: TestRounds
  readonly paths: readonly string[] | undefined
}

/** Whether tests pass, or pages have something to show, undisturbed; what is wrong where not. */
async function baseline(
  plan: ProvePlan,
  { tests, paths }: Work,
  interruption: Interruption,
): Promise<Baseline | Refusal> {
  const { fixture, results } = await openAudited(plan.baseline, plan, () => {})
  interruption.tell(fixture)
  const { result, broken, blamed, ms } = await tryOut(fixture, async () => ({
    refusal: paths === undefined ? refusalOf(await tests.once(fixture)) : await refusePages(fixture, paths),
  }))
  const { survivors } = await fixture.close({ kind: 'done' }, () => '')
  const { findings, trace } = results()
  const refusal = broken === undefined ? (result ?? { refusal: FAILING }).refusal : { wrong: broken, blamed }
  const lastWords = (refusal?.blamed ?? []).flatMap((id) =>
    lastLines(fixture.state, fixture.observed(), id).map((text) => `${id} | ${text}`),
  )
  if (survivors.length === 0) plan.forget(fixture.state)
  // With ports that were named, the next formation has the same state directory.
  fixture.letGo()
  if (interruption.signal === undefined && refusal !== undefined) {
    if (broken === undefined) tests.show()
    for (const text of lastWords) line(text)
    return refusal
  }
  if (paths !== undefined) return { ms: undefined, findings, trace }
  if (interruption.signal === undefined)
    line(`baseline   passed, undisturbed, in ${(ms / 1000).toFixed(1)} s`)
  return { ms, findings, trace }
}

const FAILING: Refusal = { wrong: 'your tests fail even undisturbed', blamed: [] }

function refusalOf(round: TestRound): Refusal | undefined {
  return hasFailed(round) ? { ...FAILING, wrong: `${FAILING.wrong} (${describeFailure(round)})` } : undefined
}

function nothingToProve({ wrong, hint }: Refusal, seed: number, options: ProveOptions): number {
  line(`nothing to prove: ${wrong}`)
  if (hint !== undefined) line(`hint: ${hint}`)
  report(options, { version: 1, seed, shareNothing: false, nothingToProve: wrong })
  return AGAINST
}

/** What was seen up to then proves nothing: what was to break it may have been next. */
function brokenOff(by: EndSignal, during: 'baseline' | 'proof', { options, seed }: Given): number {
  const cause = `${by} during the ${during}: nothing is proved`
  line(cause)
  report(options, { version: 1, seed, shareNothing: false, cause })
  return exitCodeOfSignal(by)
}

function tell(verdict: Verdict, tests: TestRounds, options: ProveOptions): number {
  report(options, verdict)
  line(proofLine(verdict))
  if (verdict.proof.failed > 0) tests.show()
  for (const text of verdictLines(verdict)) line(text)
  return verdict.shareNothing ? 0 : AGAINST
}

/** Errors: TwRunError 1 if the file cannot be written. */
function report({ report: path }: ProveOptions, verdict: Verdict | NoVerdict): void {
  if (path === undefined) return
  try {
    writeFileSync(path, `${JSON.stringify(verdict, null, 2)}\n`)
  } catch (error) {
    throw new TwRunError(`--report: cannot write ${path}: ${(error as Error).message}`, { exitCode: 1 })
  }
}

function line(text: string): void {
  say(STDOUT, `  ${printable(text)}\n`)
}
