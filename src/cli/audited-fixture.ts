import type { FileFinding } from '../core/audit.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Finding } from '../core/finding.ts'
import type { JournalEvent } from '../core/journal.ts'
import { isStage } from '../core/names.ts'
import { typeOf } from '../core/readiness.ts'
import type { Flags } from '../core/settings.ts'
import { Audit } from '../runtime/audit.ts'
import { askForTrace, readTrace } from '../runtime/trace.ts'
import { Fixture } from './fixture.ts'
import type { ProvePlan } from './prove-plan.ts'

/** A formation that is looked at while it lives. */
export interface AuditedFixture {
  readonly fixture: Fixture
  /** Looks at once: at a moment in which everybody is known to be there. */
  readonly look: () => void
  /** What the router has seen up to now. */
  readonly trace: () => readonly Exchange[]
  /** What was found and what the router has seen, to be asked for once, after the end. */
  readonly results: () => {
    readonly findings: readonly (Finding | FileFinding)[]
    readonly trace: readonly Exchange[]
    /** Links below which there was too much to be looked at; '' for the app itself. */
    readonly cut: readonly string[]
  }
}

/** Starts a formation and an audit of it, which begins when its stages are over: what they write is meant to stay. */
export async function openAudited(
  flags: Flags,
  plan: ProvePlan,
  hear: (event: JournalEvent) => void,
): Promise<AuditedFixture> {
  let audit: Audit | undefined
  let fixture: Fixture | undefined
  const begin = (): void => {
    const runs = () => fixture?.runs().filter(({ id }) => plan.isDisturbed(id)) ?? []
    audit ??= new Audit({ root: plan.root, state: plan.state, runs })
  }
  fixture = await Fixture.open(flags, {
    observe: (event) => {
      if (event.type === 'started' && event.runs.some(({ id }) => !isStage(typeOf(id)))) begin()
      hear(event)
    },
    prepare: ({ path }) => {
      askForTrace(path)
      if (flags.release !== true) begin()
    },
  })
  const { state } = fixture
  return {
    fixture,
    look: () => audit?.look(),
    trace: () => readTrace(state.path),
    results: () => {
      const trace = readTrace(state.path)
      return { findings: audit?.findings(trace) ?? [], trace, cut: audit?.cut ?? [] }
    },
  }
}
