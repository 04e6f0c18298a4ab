/** What share-nothing forbids, by the name that `--ignore` takes. */
export type Rule =
  | 'session'
  | 'tests'
  | 'files'
  | 'assets'
  | 'shared-file'
  | 'shared-memory'
  | 'shared-port'
  | 'stop'
  | 'leftover'
  | 'start'

/** One way in which the app was seen to break a rule. */
export interface Finding {
  readonly rule: Rule
  /** What it is about: a path, a cookie, a process, a port. Globs of `--ignore` are matched with it. */
  readonly subject: string
  /** What was seen, in one sentence. */
  readonly evidence: string
}

interface Advice {
  /** Which of the lines of the verdict it belongs to. */
  readonly line: 'session' | 'files' | 'assets' | 'shared' | 'stop'
  /** The rule in one sentence, and what to do. */
  readonly breaks: string
  readonly instead: string
}

export const ADVICE: Readonly<Record<Rule, Advice>> = {
  session: {
    line: 'session',
    breaks: 'Sessions live in the memory of one process; the next request may be served by another one.',
    instead: 'Keep them in a store with expiry, such as Redis or Memcached.',
  },
  tests: {
    line: 'session',
    breaks: 'What the tests need is known to one process only, or does not survive its restart.',
    instead: 'Keep what outlives a request in a backing service: a database, Redis, a queue.',
  },
  files: {
    line: 'files',
    breaks: 'Disk is a brief cache of one process; a restart, or another machine, does not have the file.',
    instead: 'Write to $TMPDIR, keep results in a backing service.',
  },
  assets: {
    line: 'assets',
    breaks: 'Assets are compiled by whichever process was asked first, and by each again.',
    instead: 'Compile them in the build stage: a line "build: ..." in the Procfile.',
  },
  'shared-file': {
    line: 'shared',
    breaks: 'Processes that share a file work on one machine only, and in the way of each other.',
    instead: 'Use a database server, or a file of each process in its $TMPDIR.',
  },
  'shared-memory': {
    line: 'shared',
    breaks: 'Processes that share memory work on one machine only.',
    instead: 'Keep what they share in a backing service, such as Redis.',
  },
  'shared-port': {
    line: 'shared',
    breaks: 'Processes that listen on one port cannot be told apart, replaced or drained.',
    instead: "Listen on $PORT, which is each process's own.",
  },
  stop: {
    line: 'stop',
    breaks: 'Processes are disposable: they stop soon after SIGTERM.',
    instead: 'Handle SIGTERM: take no new work, finish or give back what is under way, and exit.',
  },
  leftover: {
    line: 'stop',
    breaks: 'What a process starts ends with it; nobody else knows that it is there.',
    instead: 'Start no daemons: make it a line of the Procfile.',
  },
  start: {
    line: 'stop',
    breaks:
      'A process starts again at any time, as if there had been none before, also after a sudden death.',
    instead:
      'Need no pid or lock file, no port and no neighbour that the one before it may have left or taken.',
  },
}

/** The lines of a verdict, in their order, and what one says where nothing was found. */
export const LINES = ['session', 'files', 'assets', 'shared', 'stop'] as const

/** `files:coverage/**`, `session:*`, or a rule alone for all of it. */
export interface Ignored {
  readonly rule: Rule
  readonly glob: string
}

/** Reads a pattern of `--ignore`; undefined if it names no rule. */
export function parseIgnored(text: string): Ignored | undefined {
  const [rule = '', ...glob] = text.split(':')
  return isRule(rule) ? { rule, glob: glob.length === 0 ? '**' : glob.join(':') } : undefined
}

export function isRule(text: string): text is Rule {
  return Object.hasOwn(ADVICE, text)
}

/** Whether somebody meant it to be so. */
export function isIgnored(
  { rule, subject }: Finding,
  ignored: readonly Ignored[],
  matches: (subject: string, glob: string) => boolean,
): boolean {
  return ignored.some((one) => one.rule === rule && (one.glob === '**' || matches(subject, one.glob)))
}
