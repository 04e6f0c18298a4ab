import { limitProblems, withoutStopped } from '../core/edit.ts'
import { environmentsFor } from '../core/environment.ts'
import type { EnvironmentOf } from '../core/environment.ts'
import type { Problem } from '../core/error.ts'
import { expand, planOf } from '../core/expand.ts'
import type { ProcessPlan } from '../core/expand.ts'
import { assignPorts } from '../core/ports.ts'
import type { ProcessType } from '../core/procfile.ts'
import type { Desired, Want } from '../core/process.ts'
import { rulesOf, STOP_SIGNAL } from '../core/rules-of.ts'
import type { Check, Rules, StopRule } from '../core/rules.ts'
import { generationOf } from '../core/session.ts'
import type { Session, Stage } from '../core/session.ts'
import { withDefaults } from './app-json.ts'
import { loadLayers } from './env-files.ts'
import { loadApp } from './load.ts'
import type { App } from './load.ts'
import { routerPortProblems } from './router-plan.ts'

/** What the app's files say about its processes: how they are started, and how many of each there may be. */
export class Definition {
  readonly app: App
  readonly #isColorTerminal: boolean
  readonly #rules: ReadonlyMap<string, Rules>
  readonly #stops: ReadonlyMap<string, StopRule>
  /** What was desired last, and of which session: it is asked for at every step. */
  #last: { readonly session: Session; readonly desired: Desired } | undefined

  constructor(app: App, isColorTerminal: boolean) {
    this.app = app
    const { settings, manifest, limits, router } = app
    const types = router === undefined ? app.types : [...app.types, { name: router.type, ...router, line: 0 }]
    this.#rules = new Map(types.map((type) => [type.name, rulesOf(type, settings, manifest, limits)]))
    this.#stops = new Map([...this.#rules].map(([type, { stop }]) => [type, stop]))
    this.#isColorTerminal = isColorTerminal
  }

  /** The names of the process types, in file order. */
  get types(): string[] {
    return this.app.types.map(({ name }) => name)
  }

  /** The processes of a stage, or of the formation with these counts. */
  plansOf(stage: Stage, counts: Session['counts']): readonly ProcessPlan[] {
    const { types, ports, router } = this.app
    if (stage === 'formation') {
      const plans = expand(types, new Map(Object.entries(counts)), ports)
      return router === undefined ? plans : [...plans, router]
    }
    const type = types.find(({ name }) => name === stage)
    return type === undefined ? [] : [planOf(type, 1, ports)]
  }

  /** The processes that a session wants now: none once it is ending. */
  wanted(session: Session): readonly ProcessPlan[] {
    const [stage = 'formation'] = session.stages
    return session.ending === undefined ? withoutStopped(this.plansOf(stage, session.counts), session) : []
  }

  /** What should run of a session, and how what should not is stopped. */
  desired(session: Session): Desired {
    if (this.#last?.session !== session) this.#last = { session, desired: this.#desire(session) }
    return this.#last.desired
  }

  #desire(session: Session): Desired {
    const { graceMs } = this.app.settings
    const wants = this.wanted(session).map((plan): [ProcessPlan['id'], Want] => {
      const generation = generationOf(session, plan.type, plan.id)
      return [plan.id, { plan, generation, ...wishesOf(this.rulesOf(plan.type), session) }]
    })
    return {
      wants: new Map(wants),
      stops: this.#stops,
      stop: { signal: STOP_SIGNAL, graceMs, drainMs: 0 },
      hurried: session.ending?.hurried ?? false,
    }
  }

  /** What holds for a type. */
  rulesOf(type: string): Rules {
    const rules = this.#rules.get(type)
    if (rules === undefined) throw new Error(`no rules for "${type}"`)
    return rules
  }

  /** The checks of a type; none of one that an edited Procfile does not have any more. */
  checksOf(type: string): readonly Check[] {
    return this.#rules.get(type)?.checks ?? []
  }

  /** What is wrong with so many of each: ports that overlap. */
  problemsOf(counts: Session['counts']): readonly Problem[] {
    const { port: base, portStep: step, router } = this.app.settings
    const limits = limitProblems(counts, (type) => this.#rules.get(type)?.max)
    const all = new Map(Object.entries(counts))
    const { ports, problems } = assignPorts(this.types, all, { base, step })
    const ofRouter = router === undefined ? [] : routerPortProblems(router, all, ports)
    return [...limits, ...problems, ...ofRouter]
  }

  /** Reads the environment files as they are now. Errors: InputError. */
  readEnvironment(): EnvironmentOf {
    const { envFiles, root, settings, manifest } = this.app
    const layers = withDefaults(loadLayers(envFiles, process.env), manifest)
    return environmentsFor(layers, settings.envPrecedence, { root, color: this.#isColorTerminal })
  }

  /** The app's files as they are now. Errors: InputError. */
  reload(flags: Session['flags']): Definition {
    const app = loadApp({ ...flags, root: this.app.root }, process.env, this.types)
    return new Definition(app, this.#isColorTerminal)
  }

  /** This definition with the commands that another one has for some types, and with its app.json. */
  withCommands(of: ReadonlySet<string>, fresh: Definition): Definition {
    const types = this.app.types.map((type): ProcessType => {
      const edited = of.has(type.name) ? fresh.app.types.find(({ name }) => name === type.name) : undefined
      return edited ?? type
    })
    const { manifest } = fresh.app
    return new Definition({ ...this.app, types, manifest }, this.#isColorTerminal)
  }
}

/** A stage runs once and before everything else, whatever holds for the type that it is. */
function wishesOf({ restart, dependsOn, mayExit, checks }: Rules, { stages }: Session) {
  if (stages[0] !== 'formation') return { policy: { when: 'no' } } as const
  return { policy: restart, dependsOn, mayExit, isProbed: checks.some(({ kind }) => kind !== 'liveness') }
}
