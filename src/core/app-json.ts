import { checksOf } from './app-json-checks.ts'
import type { HealthCheckJson } from './app-json-checks.ts'
import { isSignalName } from './exit.ts'
import type { JsonPath, JsonProblem } from './json-problem.ts'
import { didYouMean, isStage } from './names.ts'
import { restart } from './option-values.ts'
import type { Dependency, Manifest, ManifestRules } from './rules.ts'

/** app.json, as its schema describes it. */
export interface AppJson {
  readonly formation?: Readonly<Record<string, { readonly quantity?: number }>>
  readonly healthchecks?: Readonly<Record<string, readonly HealthCheckJson[]>>
  readonly env?: Readonly<Record<string, string | VariableJson>>
  readonly scripts?: Readonly<Record<string, unknown>>
  readonly 'tw-run'?: Readonly<Record<string, RulesJson>>
}

interface VariableJson {
  readonly value?: string
  readonly required?: boolean
  readonly generator?: string
}

interface RulesJson {
  readonly restart?: string
  readonly stopSignal?: string
  /** Seconds. */
  readonly grace?: number
  readonly dependsOn?: Readonly<Record<string, 'ready' | 'completed'>> | readonly string[]
  readonly max?: number
  readonly mayExit?: boolean
  readonly watch?: readonly string[]
  readonly ready?: { readonly log: string }
}

/** The keys of the top that tw-run reads. */
const OURS = ['formation', 'healthchecks', 'env', 'scripts', 'tw-run']
/**
 * What an app.json that its schema finds right means for these process types, and what is wrong or doubtful in
 * it that no schema can see.
 */
export function decodeAppJson(
  app: AppJson,
  types: readonly string[],
): { readonly manifest: Manifest; readonly problems: readonly JsonProblem[] } {
  const problems = [...unknownTop(app), ...unknownTypes(app, types)]
  const rules = new Map<string, ManifestRules>()
  const named = new Set([...Object.keys(app['tw-run'] ?? {}), ...Object.keys(app.healthchecks ?? {})])
  for (const type of named) {
    const own = of(app['tw-run'], type) ?? {}
    const dependsOn = dependenciesOf(own)
    problems.push(...rulesProblems(own, ['tw-run', type], types))
    const checks = checksOf(of(app.healthchecks, type) ?? [], own.ready?.log)
    problems.push(...checks.problems.map((one) => ({ ...one, path: checkPath(type, one.path) })))
    rules.set(type, { ...rulesOf(own), ...dependsOn, ...checks.rules })
  }
  problems.push(...cycles(rules), ...endless(rules))
  const variables = Object.entries(app.env ?? {})
  const manifest = {
    quantities: quantitiesOf(app),
    rules,
    defaults: Object.fromEntries(
      variables.flatMap(([name, one]) => {
        const value = typeof one === 'string' ? one : one.value
        return value === undefined ? [] : [[name, value]]
      }),
    ),
    required: variables.flatMap(([name, one]) => (isRequired(one) ? [name] : [])),
  }
  return { manifest, problems }
}

/** A type may be called "constructor". */
function of<T>(record: Readonly<Record<string, T>> | undefined, type: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, type) ? record[type] : undefined
}

function checkPath(type: string, path: JsonPath): JsonPath {
  return path[0] === 'ready' ? ['tw-run', type, ...path] : ['healthchecks', type, ...path]
}

function quantitiesOf({ formation = {} }: AppJson): Record<string, number> {
  return Object.fromEntries(
    Object.entries(formation).flatMap(([type, { quantity }]) =>
      quantity === undefined ? [] : [[type, quantity]],
    ),
  )
}

/** Heroku's rule: what has no value needs one, unless it says that it does not. */
function isRequired(variable: string | VariableJson): boolean {
  return typeof variable !== 'string' && variable.value === undefined && variable.required !== false
}

function rulesOf(own: RulesJson): ManifestRules {
  const policy = own.restart === undefined ? undefined : restart(own.restart)
  return {
    ...(policy !== undefined && 'value' in policy && { restart: policy.value }),
    ...(own.stopSignal !== undefined && { stopSignal: own.stopSignal }),
    ...(own.grace !== undefined && { graceMs: Math.round(own.grace * 1_000) }),
    ...(own.max !== undefined && { max: own.max }),
    ...(own.mayExit !== undefined && { mayExit: own.mayExit }),
    ...(own.watch !== undefined && { watch: own.watch }),
  }
}

function dependenciesOf({ dependsOn }: RulesJson): { dependsOn?: readonly Dependency[] } {
  if (dependsOn === undefined) return {}
  const entries = isList(dependsOn)
    ? dependsOn.map((type) => [type, 'ready'] as const)
    : Object.entries(dependsOn)
  return { dependsOn: entries.map(([type, until]) => ({ type, until })) }
}

function isList<T>(value: T): value is T & readonly string[] {
  return Array.isArray(value)
}

function rulesProblems(own: RulesJson, path: JsonPath, types: readonly string[]): JsonProblem[] {
  const problems: JsonProblem[] = []
  const { stopSignal, dependsOn } = own
  if (stopSignal !== undefined && !isSignalName(stopSignal)) {
    problems.push({
      severity: 'error',
      path: [...path, 'stopSignal'],
      message: `"${stopSignal}" is no signal`,
      hint: 'such as SIGTERM, SIGINT or SIGQUIT',
    })
  }
  for (const [index, glob] of (own.watch ?? []).entries()) {
    if (!/^!?\/|(^!?|\/)\.\.(\/|$)/.test(glob)) continue
    const message = 'has to lie below the folder of app.json'
    problems.push({
      severity: 'error',
      path: [...path, 'watch', index],
      message,
      hint: 'such as "src/**/*.js"',
    })
  }
  for (const [index, { type }] of (dependenciesOf(own).dependsOn ?? []).entries()) {
    const step = isList(dependsOn) ? { path: [index] } : { path: [type], isKey: true }
    const at = { ...step, severity: 'error' as const, path: [...path, 'dependsOn', ...step.path] }
    if (!types.includes(type))
      problems.push({
        ...at,
        message: `there is no process type "${type}" to wait for`,
        hint: didYouMean(type, types, 'process types'),
      })
    else if (isStage(type))
      problems.push({
        ...at,
        message: `"${type}" is a stage, which runs before everything else anyway`,
        hint: 'run the stages with: tw-run start --release',
      })
  }
  return problems
}

function unknownTop(app: AppJson): JsonProblem[] {
  return Object.keys(app)
    .filter((key) => !OURS.includes(key))
    .flatMap((key): JsonProblem[] => {
      const hint = didYouMean(key, OURS, 'keys that tw-run reads')
      // It may be Heroku's or anybody's; what looks like one of ours is a slip of the pen.
      if (!hint.startsWith('did')) return []
      return [
        { severity: 'warning', path: [key], isKey: true, message: 'is not known and has no effect', hint },
      ]
    })
}

function unknownTypes(app: AppJson, types: readonly string[]): JsonProblem[] {
  return (['formation', 'healthchecks', 'tw-run'] as const).flatMap((section) =>
    Object.keys(app[section] ?? {})
      .filter((type) => !types.includes(type))
      .map((type) => ({
        severity: 'warning',
        path: [section, type],
        isKey: true,
        message: `there is no process type "${type}" in the Procfile`,
        hint: didYouMean(type, types, 'process types'),
      })),
  )
}

/** Types that are awaited to complete, and that start again whenever they do. */
function endless(rules: ReadonlyMap<string, ManifestRules>): JsonProblem[] {
  return [...rules].flatMap(([waiting, { dependsOn = [] }]) =>
    dependsOn
      .filter(({ type, until }) => until === 'completed' && rules.get(type)?.restart?.when === 'always')
      .map(({ type }) => ({
        severity: 'error',
        path: ['tw-run', type, 'restart'],
        message: `"${waiting}" waits for it to complete, and it would start again each time`,
        hint: 'write "on-failure"',
      })),
  )
}

/** Types that wait for themselves, each circle once. */
function cycles(rules: ReadonlyMap<string, ManifestRules>): JsonProblem[] {
  const found: JsonProblem[] = []
  const cleared = new Set<string>()
  const visit = (type: string, way: readonly string[]): void => {
    if (cleared.has(type)) return
    const before = way.indexOf(type)
    if (before >= 0) {
      const circle = [...way.slice(before), type]
      found.push({
        severity: 'error',
        path: ['tw-run', circle[0] ?? type, 'dependsOn'],
        isKey: true,
        message: `these wait for each other, and none could ever be started: ${circle.join(' -> ')}`,
        hint: 'take one of them out',
      })
      return
    }
    for (const { type: next } of rules.get(type)?.dependsOn ?? []) visit(next, [...way, type])
    cleared.add(type)
  }
  for (const type of rules.keys()) visit(type, [])
  return found
}
