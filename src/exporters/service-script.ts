import { shellText } from '../core/command.ts'
import { quoteSh } from '../core/quote-sh.ts'
import { madeBy } from './input.ts'
import type { ExportedFile, ExportInput, ExportInstance } from './input.ts'

/** How a manager of the daemontools family differs from the others. */
export interface Family {
  readonly format: string
  /** The program, and its arguments, that starts another one as a user; its last argument is the user. */
  readonly asUser: readonly string[]
  /** The same for no change of user; empty for none. */
  readonly asSelf: readonly string[]
  /** The first lines of `run`. */
  readonly atStart: readonly string[]
  /** A shell command by which `finish` keeps a service down. */
  readonly giveUp: string
  /** A shell condition in `finish`: the run ended since it was told to, so nothing follows from how. */
  readonly wasAsked: (stopSignal: string) => string
}

/** A run that lasted so long, in s, was healthy; the same as under `tw-run start`. */
const HEALTHY_S = 60

/** The name of a service, which is also that of its folder. */
export function serviceName({ app }: ExportInput, { type, instance }: ExportInstance): string {
  return `${app}-${type.name}-${instance}`
}

/** The files that every service of the family has: the script that becomes the command, and its environment. */
export function serviceFiles(input: ExportInput, one: ExportInstance, family: Family): ExportedFile[] {
  const folder = serviceName(input, one)
  return [
    { path: `${folder}/run`, mode: 0o755, text: runScript(input, one, family) },
    { path: `${folder}/env`, mode: 0o600, text: environmentFile(input, one, family) },
  ]
}

/** The first lines of a script. */
export function scriptHead(input: ExportInput, format: string): string {
  return `#!/bin/sh\n# ${madeBy(format, input)}\n`
}

function environmentFile(input: ExportInput, { id, port }: ExportInstance, { format }: Family): string {
  const all = { ...input.environment, PORT: String(port), PS: id, TW_RUN_PROCESS: id }
  const lines = Object.entries(all).map(([key, value]) => `export ${key}=${quoteSh(value)}\n`)
  return `# ${madeBy(format, input)}\n${lines.join('')}`
}

/**
 * Starts as the manager's user, which alone may read the environment, and gives up its rights last. The helpers
 * are looked for before the app's PATH holds.
 */
function runScript(input: ExportInput, { type }: ExportInstance, family: Family): string {
  const { root, localUser } = input
  const { asUser, asSelf } = family
  return [
    scriptHead(input, family.format) + 'exec </dev/null 2>&1',
    // What runs keeps this pid, which becomes that of its group.
    'echo $$ >group',
    ...family.atStart,
    ...(type.rules.restart.limit === undefined ? [] : ['date +%s >started']),
    ...found(asSelf),
    ...(localUser === undefined
      ? []
      : [
          'if [ "$(id -u)" -eq 0 ]; then',
          ...[...becoming(localUser), ...found([...asUser, localUser])].map(indent),
          'fi',
        ]),
    '. ./env',
    `cd ${quoteSh(root)} || exit 1`,
    `exec "$@" /bin/sh -c ${quoteSh(shellText(type.command))}`,
    '',
  ].join('\n')
}

/** The words of a program become the script's arguments, with the program's full path. */
function found([program, ...args]: readonly string[]): string[] {
  return program === undefined ? ['set --'] : [`set -- "$(command -v ${program})" ${args.join(' ')}`]
}

function indent(line: string): string {
  return `  ${line}`
}

/** What a login would set; a user that is a number has no home that a shell can find. */
export function becoming(user: string): string[] {
  return /^\d+$/.test(user) ? [] : [`HOME=~${user} USER=${user} LOGNAME=${user}`, 'export HOME USER LOGNAME']
}

/** What comes after an end: what is left of the process group, and whether to start again. */
export function finishScript(input: ExportInput, one: ExportInstance, family: Family): string {
  return scriptHead(input, family.format) + endGroup(one) + policy(one, family)
}

/**
 * The manager sees one process alone. What that leaves behind would hold its port: it gets the stop signal, and
 * the same time for it.
 */
function endGroup({ type }: ExportInstance): string {
  const { signal, graceMs } = type.rules.stop
  return `read -r group <group || exit 0
if kill -s ${signal.replace(/^SIG/, '')} -- "-$group" 2>/dev/null; then
  left=${Math.ceil(graceMs / 100)}
  while [ "$left" -gt 0 ] && kill -s 0 -- "-$group" 2>/dev/null; do
    sleep 0.1
    left=$((left - 1))
  done
  kill -s KILL -- "-$group" 2>/dev/null
fi
`
}

/** Gets the exit code, and for a signal -1 or 256 and its number; does nothing where each end is followed by a start. */
function policy(one: ExportInstance, { giveUp, wasAsked }: Family): string {
  const { restart, stop } = one.type.rules
  if (restart.when === 'always') return ''
  const asked = `if ${wasAsked(stop.signal)}; then\n  exit 0\nfi\n`
  if (restart.when === 'no') return `${asked}${giveUp}\n`
  const succeeded = `if [ "$1" -eq 0 ]; then\n  ${giveUp}\n  exit 0\nfi\n`
  return asked + succeeded + (restart.limit === undefined ? '' : counting(restart.limit, giveUp))
}

/** Counts failures in a row. */
function counting(limit: number, giveUp: string): string {
  return `failures=0
read -r started <started
if [ -f failures ] && [ $(($(date +%s) - started)) -lt ${HEALTHY_S} ]; then
  read -r failures <failures
fi
failures=$((failures + 1))
echo "$failures" >failures
if [ "$failures" -gt ${limit} ]; then
  rm -f failures
  ${giveUp}
fi
`
}
