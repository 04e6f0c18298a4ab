import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from '../core/finding.ts'
import { printable } from '../core/printable.ts'
import type { Flags } from '../core/settings.ts'
import { proofLine, verdictLines } from '../core/verdict.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { SignalRelay } from '../runtime/one-off.ts'
import { say } from '../runtime/terminal.ts'
import { openAudited } from './audited-fixture.ts'
import { lastLines } from './last-lines.ts'
import { proof } from './proof.ts'
import { planProof } from './prove-plan.ts'
import type { ProvePlan } from './prove-plan.ts'
import type { ProveOptions } from './prove.ts'
import { TestRounds } from './test-rounds.ts'
import { tryOut } from './trial.ts'

const STDOUT = 1
const SEEDS = 1_000_000
/** The exit code of a verdict that went against the app. */
const AGAINST = 3

/** Proves that an app is share-nothing, or not; the exit code. Errors: TwRunError. */
export async function prove(words: readonly string[], flags: Flags, options: ProveOptions): Promise<number> {
  closeInheritedDescriptors()
  const plan = await planProof(flags, options)
  const seed = options.seed ?? randomInt(SEEDS)
  const folder = mkdtempSync(join(tmpdir(), 'tw-run-prove-'))
  const relay = new SignalRelay(plan.graceMs)
  try {
    for (const type of plan.kept) line(`kept       ${type}, a backing service: one process, left alone`)
    const tests = new TestRounds(words, relay, folder)
    const before = words.length === 0 ? { ms: undefined, findings: [] } : await baseline(plan, tests)
    if ('exitCode' in before) return before.exitCode
    const verdict = await proof({
      plan,
      options,
      seed,
      tests,
      baselineMs: before.ms,
      findings: before.findings,
    })
    if (typeof verdict === 'number') return verdict
    if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(verdict, null, 2)}\n`)
    line(proofLine(verdict))
    if (verdict.proof.failed > 0) tests.show()
    for (const text of verdictLines(verdict)) line(text)
    return verdict.shareNothing ? 0 : AGAINST
  } finally {
    relay.release()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Baseline {
  /** How long the tests take undisturbed. */
  readonly ms: number
  readonly findings: readonly Finding[]
}

/** Runs the tests undisturbed; an exit code where they do not pass, which is said. */
async function baseline(
  plan: ProvePlan,
  tests: TestRounds,
): Promise<Baseline | { readonly exitCode: number }> {
  const { fixture, results } = await openAudited(plan.baseline, plan, () => {})
  const { result, broken, blamed, interruptedBy, ms } = await tryOut(fixture, () => tests.once(fixture))
  await fixture.close({ kind: 'done' }, () => '')
  const { findings } = results()
  if (interruptedBy !== undefined) return { exitCode: interruptedBy }
  if (broken === undefined && result === 0) {
    line(`baseline   passed, undisturbed, in ${(ms / 1000).toFixed(1)} s`)
    return { ms, findings }
  }
  if (broken === undefined) tests.show()
  for (const id of blamed) for (const text of lastLines(fixture, id)) line(`${id} | ${text}`)
  line(`nothing to prove: ${broken ?? `your tests fail even undisturbed (exit code ${result})`}`)
  return { exitCode: AGAINST }
}

function line(text: string): void {
  say(STDOUT, `  ${printable(text)}\n`)
}
