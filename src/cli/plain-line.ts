import type { Flags } from '../core/settings.ts'

type Work = (words: readonly string[], flags: Flags) => Promise<void>

/** What people and scripts type all day, mostly without an option but the folder. */
const COMMANDS: Readonly<Record<string, Work>> = {
  ps: async (_, flags) => (await import('./ps-action.ts')).ps(flags, {}),
  scale: async (words, flags) => (await import('./scale-action.ts')).scale(words, flags, {}),
  restart: async (words, flags) => (await import('./restart-action.ts')).restart(words, flags, {}),
}
const WITHOUT_WORDS = ['ps']
const FOLDER = ['-d', '--root']

/**
 * The work of a command line that means the same to whoever reads it: one of these commands, words, and the folder.
 * Undefined for every other, which the parser of options is for: to load it takes a tenth of a short command.
 */
export function plainWork([command = '', ...given]: readonly string[]): (() => Promise<void>) | undefined {
  const work = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  const at = given.findIndex((word) => FOLDER.includes(word))
  const root = at < 0 ? undefined : given[at + 1]
  const words = at < 0 ? given : [...given.slice(0, at), ...given.slice(at + 2)]
  const isPlain = (word: string): boolean => word !== '' && !word.startsWith('-')
  if (work === undefined || !words.every(isPlain)) return undefined
  if (at >= 0 && (root === undefined || !isPlain(root))) return undefined
  if (words.length > 0 && WITHOUT_WORDS.includes(command)) return undefined
  return () => work(words, root === undefined ? {} : { root })
}
