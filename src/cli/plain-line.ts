import type { Flags } from '../core/settings.ts'

/** Resolves to an exit code where the program is to end at once: to take its heap apart takes Node 1 ms after a look. */
type Work = (words: readonly string[], flags: Flags, switches: Switches) => Promise<number | void>

type Worded = (typeof OF_START)[keyof typeof OF_START]
type Switch =
  | (typeof SWITCHES_OF_START)[keyof typeof SWITCHES_OF_START]
  | (typeof SWITCHES_OF_RUN)[keyof typeof SWITCHES_OF_RUN]
type Switches = Partial<Record<Switch, true>>

/** A command that people and scripts type all day, or that tw-run begins. */
interface Plain {
  /** Whether it takes words beside its options; or, from the first one on, all there is. */
  readonly takes: 'none' | 'words' | 'all'
  /** The options of it that are read here, each with a value, and what they are called in the flags. */
  readonly options: Readonly<Record<string, Worded>>
  /** Those that have none. */
  readonly switches?: Readonly<Record<string, Switch>>
  readonly work: Work
}

const FOLDER = { '-d': 'root', '--root': 'root' } as const
const OF_START = {
  ...FOLDER,
  '-f': 'procfile',
  '--procfile': 'procfile',
  '-m': 'formation',
  '--formation': 'formation',
  '-p': 'port',
  '--port': 'port',
  '--port-step': 'portStep',
  '-t': 'timeout',
  '--timeout': 'timeout',
  '--restart': 'restart',
  '--log-format': 'logFormat',
} as const

const SWITCHES_OF_START = { '-D': 'detach', '--detach': 'detach', '--wait': 'wait' } as const

const SWITCHES_OF_RUN = { '--': 'separated' } as const

const COMMANDS: Readonly<Record<string, Plain>> = {
  start: {
    takes: 'words',
    options: OF_START,
    switches: SWITCHES_OF_START,
    work: async (words, flags, switches) => {
      const { startAsAsked } = await import('./start-as-asked.ts')
      const code = await startAsAsked(words, flags, switches)
      if (switches.detach === true) return code
      process.exitCode = code
      return undefined
    },
  },
  ps: {
    takes: 'none',
    options: FOLDER,
    work: async (_, flags) => {
      await (await import('./ps-action.ts')).ps(flags, {})
      return 0
    },
  },
  scale: {
    takes: 'words',
    options: FOLDER,
    work: async (words, flags) => (await import('./scale-action.ts')).scale(words, flags, {}),
  },
  restart: {
    takes: 'words',
    options: FOLDER,
    work: async (words, flags) => (await import('./restart-action.ts')).restart(words, flags, {}),
  },
  run: {
    takes: 'all',
    options: FOLDER,
    switches: SWITCHES_OF_RUN,
    work: async (words, flags, { separated = false }) => {
      process.exitCode = await (await import('./run-as-asked.ts')).runAsAsked(words, separated, flags)
    },
  },
  supervise: {
    takes: 'words',
    options: {},
    work: async ([text = '']) => {
      process.exitCode = await (await import('./supervise-action.ts')).supervise(text, false)
    },
  },
}

/**
 * The work of a command line that means the same to whoever reads it: one of these commands, words, and some options, of
 * which those with a value stand there once. Undefined for every other, which the parser of options is for: to load it
 * takes a tenth of a short command.
 */
export function plainWork([command = '', ...given]: readonly string[]):
  | (() => Promise<number | void>)
  | undefined {
  const plain = own(COMMANDS, command)
  if (plain === undefined) return undefined
  const words: string[] = []
  const flags: Partial<Record<Worded, string>> = {}
  const switches: Switches = {}
  for (let at = 0; at < given.length; at += 1) {
    const word = given[at]
    const turned = own(plain.switches ?? {}, word)
    if (turned !== undefined) {
      switches[turned] = true
      // What follows it are words, whatever they look like.
      if (turned === 'separated') words.push(...given.splice(at + 1))
      continue
    }
    const name = own(plain.options, word)
    const value = name === undefined ? word : given[(at += 1)]
    if (value === undefined || value === '' || value.startsWith('-')) return undefined
    if (name !== undefined) {
      if (flags[name] !== undefined) return undefined
      flags[name] = value
    } else if (plain.takes === 'all') words.push(...given.splice(at))
    else words.push(value)
  }
  // A word too many, or none of what there is to run.
  if (words.length > 0 ? plain.takes === 'none' : plain.takes === 'all') return undefined
  return async () => {
    try {
      return await plain.work(words, flags, switches)
    } catch (error) {
      throw (await import('./same-app.ts')).ofSameApp(error, flags)
    }
  }
}

function own<T>(table: Readonly<Record<string, T>>, name = ''): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
