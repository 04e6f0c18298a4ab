/** Variables from one place: a file, the shell, tw-run itself. */
export interface EnvironmentLayer {
  /** `.env`, `shell`, `tw-run`. */
  readonly name: string
  readonly entries: Readonly<Record<string, string>>
}

/** The environment as it was found outside: the files, weakest first, and the shell. */
export interface EnvironmentLayers {
  /** What app.json says where nobody else does. */
  readonly defaults?: EnvironmentLayer
  readonly files: readonly EnvironmentLayer[]
  readonly shell: EnvironmentLayer
}

/** Who wins where both set a variable. */
export type Precedence = 'shell' | 'file'

/** A variable, the layer it comes from and the layers that set it in vain, strongest first. */
export interface Variable {
  readonly value: string
  readonly origin: string
  readonly shadowed: readonly string[]
}

export type Environment = ReadonlyMap<string, Variable>

/** What tw-run knows of one run of a process. */
export interface Injection {
  /** `web.1`, or the name of a one-off process. */
  readonly id: string
  /** Opaque; marks everything that belongs to this one run. */
  readonly token: string
  readonly port: number
  /** The run's private scratch directory. */
  readonly scratch: string
  readonly root: string
  /** Whether tw-run writes to a colour terminal. */
  readonly color: boolean
}

const OURS = 'tw-run'

/** The environment of one run of a process; what tw-run injects wins, what it only suggests yields to the user. */
export function environmentFor(
  layers: EnvironmentLayers,
  precedence: Precedence,
  injection: Injection,
): Environment {
  const entries = injected(injection, layers.shell.entries)
  return layer([...beforehand(layers, precedence, injection), { name: OURS, entries }])
}

/** What the environments of all runs that begin together have in common. */
export type Common = Pick<Injection, 'root' | 'color'>
/** What each has for itself. */
export type OwnInjection = Omit<Injection, keyof Common>

/** The environment of one of many runs that begin together. */
export interface RunEnvironment {
  readonly shared: Readonly<Record<string, string>>
  /** OWN_VARIABLES, of which none is shared. */
  readonly own: Readonly<Record<string, string>>
}

/** The environment of each of these runs. */
export type EnvironmentOf = (run: OwnInjection) => RunEnvironment

/**
 * The same for many runs: what is not of one run alone is laid over each other once, and is one object, since to make 40
 * variables an object takes V8 0.1 ms.
 */
export function environmentsFor(
  layers: EnvironmentLayers,
  precedence: Precedence,
  common: Common,
): EnvironmentOf {
  const outside = valuesOf(layer(beforehand(layers, precedence, common)))
  const all = Object.entries({ ...outside, ...commonVariables(common, layers.shell.entries) })
  const shared = Object.fromEntries(all.filter(([key]) => !OWN_VARIABLES.includes(key)))
  return (own) => ({ shared, own: ownVariables(own) })
}

/** The environment as the run takes it. */
export function wholeOf({ shared, own }: RunEnvironment): Record<string, string> {
  return { ...shared, ...own }
}

/** What there is without tw-run, and under it what tw-run only suggests. */
function beforehand(
  { files, shell, defaults }: EnvironmentLayers,
  precedence: Precedence,
  { color }: Pick<Common, 'color'>,
): EnvironmentLayer[] {
  const said = precedence === 'shell' ? [...files, shell] : [shell, ...files]
  const outside = defaults === undefined ? said : [defaults, ...said]
  return [{ name: OURS, entries: suggested(color, layer(outside)) }, ...outside]
}

/** Lays environments over each other, weakest first, and keeps where each value came from. */
export function layer(layers: readonly EnvironmentLayer[]): Environment {
  const environment = new Map<string, Variable>()
  for (const { name, entries } of layers) {
    for (const [key, value] of Object.entries(entries)) {
      const weaker = environment.get(key)
      const shadowed = weaker === undefined ? [] : [weaker.origin, ...weaker.shadowed]
      environment.set(key, { value, origin: name, shadowed })
    }
  }
  return environment
}

/** Whether it can name a variable of a shell. */
export function isShellName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
}

/** The environment as a child process takes it. */
export function valuesOf(environment: Environment): Record<string, string> {
  return Object.fromEntries([...environment].map(([key, { value }]) => [key, value]))
}

/**
 * What tw-run sets whatever the user says. Inside another tw-run's process the outer tokens are handed on, so that
 * the outer one's sweep still finds what the inner one starts.
 */
export function injected(
  injection: Omit<Injection, 'color'>,
  shell: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...ownVariables(injection), ...commonVariables(injection, shell) }
}

/** What differs between the runs of a formation, whose environments are else the same. */
export const OWN_VARIABLES: readonly string[] = ['PORT', 'PS', 'TW_RUN_PROCESS', 'TW_RUN_INSTANCE', 'TMPDIR']

function ownVariables({ id, token, port, scratch }: OwnInjection): Record<string, string> {
  return { PORT: String(port), PS: id, TW_RUN_PROCESS: id, TW_RUN_INSTANCE: token, TMPDIR: scratch }
}

function commonVariables(
  { root }: Pick<Common, 'root'>,
  shell: Readonly<Record<string, string>>,
): Record<string, string> {
  if (shell['TW_RUN_INSTANCE'] === undefined) return { PWD: root }
  return {
    PWD: root,
    TW_RUN_WITHIN: [shell['TW_RUN_WITHIN'], shell['TW_RUN_INSTANCE']].filter(Boolean).join(','),
  }
}

/** Python would sit on its lines, and most programs drop their colours, since stdout is a file. */
function suggested(color: boolean, outside: Environment): Record<string, string> {
  const all: Record<string, string> = { PYTHONUNBUFFERED: '1' }
  // Node warns where both are set; who asked for no colour gets none.
  const plain = (outside.get('NO_COLOR')?.value ?? '') !== ''
  if (color && !plain) Object.assign(all, { FORCE_COLOR: '1', CLICOLOR_FORCE: '1' })
  return Object.fromEntries(Object.entries(all).filter(([key]) => !outside.has(key)))
}
