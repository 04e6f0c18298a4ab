import { ENGINES } from './engine-name.ts'
import type { EngineName } from './engine-name.ts'
import type { EnvironmentLayer, Precedence } from './environment.ts'
import type { Problem } from './error.ts'
import { duration } from './duration.ts'
import {
  address,
  color,
  firstPort,
  list,
  not,
  oneOf,
  port,
  restart,
  seconds,
  text,
  truth,
} from './option-values.ts'
import type { Address, ColorSetting, Reading } from './option-values.ts'
import type { RestartPolicy } from './process.ts'
import { EVERY_TYPE } from './names.ts'
import { printable } from './printable.ts'

export type { ColorSetting } from './option-values.ts'
export type LogFormat = 'pretty' | 'plain' | 'json'

/** What was typed; absent where the option was not given. */
export interface Flags {
  readonly procfile?: string
  readonly root?: string
  /** Files, in the order given; a part may hold several, with commas. */
  readonly env?: readonly string[]
  readonly formation?: string
  readonly except?: readonly string[]
  readonly port?: string
  readonly portStep?: string
  readonly timeout?: string
  readonly restart?: string
  readonly logFormat?: string
  readonly timestamps?: boolean
  readonly prefix?: boolean
  readonly color?: 'always' | 'never'
  readonly stateDir?: string
  readonly envPrecedence?: string
  readonly release?: boolean
  /** An address, or true for the usual one. */
  readonly router?: string | boolean
  readonly recycle?: string
  /** Counts, in the order given; a part may hold several, with commas. */
  readonly max?: readonly string[]
  /** No time to stop: SIGKILL is the first signal. Only `prove --kill` asks for it. */
  readonly suddenly?: boolean
  readonly engine?: string
  readonly image?: string
  readonly app?: string
  /** The types named as words: only these run. */
  readonly types?: readonly string[]
}

/** What decides how the processes run; neither how they are shown, how many there are, nor what is done before. */
const CARRIED = [
  'procfile',
  'env',
  'port',
  'portStep',
  'timeout',
  'restart',
  'envPrecedence',
  'router',
  'recycle',
  'max',
] as const satisfies readonly (keyof Flags)[]

/** The options of a formation that goes on: those of before hold where neither the user nor the shell says otherwise. */
export function carriedFlags(before: Flags, typed: Flags, shell: Sources['shell']): Flags {
  // Named as it is, its mistakes are told as those of "Procfile".
  const usual = before.root === undefined ? undefined : `${before.root}/Procfile`
  const carried = CARRIED.flatMap((name) => {
    const value = before[name]
    const isNamed = (shell[variableOf(name)] ?? '') !== ''
    return value === undefined || value === usual || isNamed ? [] : [[name, value]]
  })
  return { ...(Object.fromEntries(carried) as Flags), ...typed }
}

/** The types that limits name: those of a formation that goes on may name some that an edited Procfile has no more. */
export function limitedTypes({ max = [] }: Flags): string[] {
  return limitsIn(max).map(typeOfLimit)
}

/** The same options without limits of other types than these. */
export function withLimitsOf(types: readonly string[], { max, ...flags }: Flags): Flags {
  const kept = limitsIn(max ?? []).filter((limit) => [EVERY_TYPE, ...types].includes(typeOfLimit(limit)))
  return kept.length === 0 ? flags : { ...flags, max: kept }
}

function limitsIn(max: readonly string[]): string[] {
  return max.flatMap((part) => part.split(','))
}

function typeOfLimit(limit: string): string {
  return /^[^=]*/.exec(limit)?.[0].trim() ?? ''
}

/** Every option of a run, resolved. */
export interface Settings {
  readonly procfile: string
  readonly formation: Given
  readonly only: readonly string[]
  readonly except: readonly string[]
  /** The first port of the first type. */
  readonly port: number
  readonly portStep: number
  /** Milliseconds between the stop signal and SIGKILL. */
  readonly graceMs: number
  readonly restart: RestartPolicy
  readonly logFormat: LogFormat
  readonly timestamps: boolean
  readonly prefix: boolean
  readonly color: ColorSetting
  /** As given, not yet resolved; undefined for the default place. */
  readonly stateDir: string | undefined
  readonly envPrecedence: Precedence
  readonly release: boolean
  /** Where one address stands in front of all web processes; undefined for none. */
  readonly router: Address | undefined
  /** ms after which a process is replaced; undefined for never. */
  readonly recycleMs: number | undefined
  /** The most of each type. */
  readonly max: Given
  readonly suddenly: boolean
  /** Who keeps the processes running; undefined for whoever did so far. */
  readonly engine: EngineName | undefined
  /** The container image of the app. */
  readonly image: string | undefined
  /** The name of the app on an engine. */
  readonly app: string | undefined
}

/** Where an option may come from, strongest first; `files` are the environment files, weakest first. */
export interface Sources {
  readonly flags: Flags
  readonly shell: Readonly<Record<string, string | undefined>>
  readonly files: readonly EnvironmentLayer[]
}

export type OptionName = Exclude<keyof Flags, 'types'>

/** A text and where it came from. */
export interface Given {
  readonly text: string
  /** `--port`, `TW_RUN_PORT in the shell`, `TW_RUN_PORT in .env`, or '' for a default. */
  readonly from: string
}

/** Every option: its flag, else TW_RUN_<OPTION> of the shell, else the same of the files, else its default. */
export function resolveSettings(sources: Sources): { settings: Settings; problems: Problem[] } {
  const problems: Problem[] = []
  const read = <T>(found: Given | undefined, parse: (value: string) => Reading<T>, fallback: T): T => {
    if (found === undefined) return fallback
    const reading = parse(found.text)
    if ('value' in reading) return reading.value
    const { hint } = reading
    const message = `${found.from}: "${shorten(found.text)}" is not ${reading.not}`
    problems.push({ message, ...(hint !== undefined && { hint }) })
    return fallback
  }
  const option = <T>(name: OptionName, parse: (value: string) => Reading<T>, fallback: T): T =>
    read(find(name, sources), parse, fallback)
  /** An option that is typed as `--no-...`: its variable may have either name. */
  const toggle = <T>(name: OptionName, parse: (value: string) => Reading<T>, off: T, fallback: T): T => {
    const refused =
      sources.flags[name] === undefined ? variable(variableOf(`no-${name}`), sources) : undefined
    return refused === undefined || find(name, sources) !== undefined
      ? option(name, parse, fallback)
      : read(refused, not(off, fallback), fallback)
  }
  const settings: Settings = {
    procfile: option('procfile', text, 'Procfile'),
    formation: formationOf(sources),
    only: sources.flags.types ?? [],
    except: option('except', list, []),
    port: read(find('port', sources) ?? variable('PORT', sources), firstPort, 5000),
    portStep: option('portStep', port, 100),
    graceMs: option('timeout', seconds, 5000),
    restart: option('restart', restart, { when: 'no' }),
    logFormat: option('logFormat', oneOf('pretty', 'plain', 'json'), 'pretty'),
    timestamps: toggle('timestamps', truth, false, true),
    prefix: toggle('prefix', truth, false, true),
    color: toggle<ColorSetting>('color', color, 'never', 'auto'),
    stateDir: find('stateDir', sources)?.text,
    envPrecedence: option('envPrecedence', oneOf('shell', 'file'), 'shell'),
    release: option('release', truth, false),
    router: option('router', address, undefined),
    recycleMs: option('recycle', duration, undefined),
    max: find('max', sources) ?? { text: '', from: '' },
    suddenly: sources.flags.suddenly === true,
    engine: option<EngineName | undefined>('engine', oneOf(...ENGINES), undefined),
    image: option<string | undefined>('image', text, undefined),
    app: option<string | undefined>('app', text, undefined),
  }
  return { settings, problems }
}

/** Those that are about one of these options: a command is held up by what is wrong with its own only. */
export function problemsOf(problems: readonly Problem[], names: readonly OptionName[]): Problem[] {
  const own = names.flatMap((name) => [`--${kebab(name)}`, variableOf(name), variableOf(`no-${name}`)])
  return problems.filter(({ message }) => own.includes(message.split(/[: ]/, 1)[0] ?? ''))
}

function find(name: OptionName, sources: Sources): Given | undefined {
  const flag = sources.flags[name]
  if (flag !== undefined) return { text: String(flag), from: `--${kebab(name)}` }
  return variable(variableOf(name), sources)
}

/** `--concurrency` is the same option, and so is its variable. */
function formationOf(sources: Sources): Given {
  return find('formation', sources) ?? variable('TW_RUN_CONCURRENCY', sources) ?? { text: '', from: '' }
}

function variableOf(option: string): string {
  return `TW_RUN_${kebab(option).replaceAll('-', '_').toUpperCase()}`
}

/** A variable of the shell, else of the strongest file that has it; one set to nothing counts as not set. */
function variable(key: string, { shell, files }: Sources): Given | undefined {
  const own = shell[key]
  if (own !== undefined && own !== '') return { text: own, from: `${key} in the shell` }
  const file = files.findLast(({ entries }) => (entries[key] ?? '') !== '')
  return file === undefined ? undefined : { text: file.entries[key] ?? '', from: `${key} in ${file.name}` }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function shorten(value: string): string {
  return printable(value.length > 40 ? `${value.slice(0, 40)}...` : value)
}
