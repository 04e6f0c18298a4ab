import { shellText } from '../core/command.ts'
import type { RestartPolicy } from '../core/process.ts'
import { madeBy, runningTypes } from './input.ts'
import type { ExportInput, ExportType, Rendering } from './input.ts'
import { lostRules } from './lost-rules.ts'
import { encode, isPlain, quotePath, quoteVariable, quoteWord } from './quote-supervisord.ts'
import { becoming } from './service-script.ts'

/** A file to include into that of supervisord: a program for each type, and a group of them all. */
export function supervisord(input: ExportInput): Rendering {
  const { app } = input
  const types = runningTypes(input)
  const quick = types.filter(({ rules }) => rules.restart.when === 'on-failure').map(({ name }) => name)
  const text = [
    `; ${madeBy('supervisord', input)}`,
    `[group:${app}]`,
    `programs=${types.map(({ name }) => `${app}-${name}`).join(',')}`,
    '',
    ...types.flatMap((type) => program(input, type)),
  ]
  return {
    // It holds the environment.
    files: [{ path: `${app}.conf`, mode: 0o600, text: text.join('\n') }],
    notes: [
      ...quick.map(
        (name) =>
          `supervisord counts any end of ${name} in its first second as a failure, and no later one towards a limit`,
      ),
      ...lostRules(input, { name: 'supervisord' }),
    ],
    next: `put ${app}.conf where supervisord.conf includes files from, then: supervisorctl update`,
  }
}

function program(input: ExportInput, type: ExportType): string[] {
  const { app, root, localUser, environment } = input
  const { name, count, rules } = type
  const { stop, restart } = rules
  const own = { PS: `${name}.%(process_num)d`, TW_RUN_PROCESS: `${name}.%(process_num)d` }
  const shared = Object.entries(environment).map(([key, value]) =>
    quoteVariable(key, isPlain(value) ? value : encode(value)),
  )
  const variables = [...shared, ...Object.entries(own).map(([key, value]) => `${key}="${value}"`)]
  return [
    `[program:${app}-${name}]`,
    `process_name=${name}.%(process_num)d`,
    `numprocs=${count}`,
    'numprocs_start=1',
    `command=${commandLine(input, type)}`,
    `directory=${quotePath(root)}`,
    `environment=${variables.join(',')}`,
    ...(localUser === undefined ? [] : [`user=${localUser}`]),
    ...restarts(restart),
    `stopsignal=${stop.signal.replace(/^SIG/, '')}`,
    // Whole seconds only.
    `stopwaitsecs=${Math.ceil(stop.graceMs / 1000)}`,
    'stopasgroup=true',
    'killasgroup=true',
    'redirect_stderr=true',
    '',
  ]
}

/** A shell makes what supervisord cannot: the port of the instance, and values that its file cannot hold. */
function commandLine(input: ExportInput, { firstPort, command }: ExportType): string {
  const { environment, localUser } = input
  const encoded = Object.keys(environment).filter((key) => !isPlain(environment[key] ?? ''))
  const text = shellText(command)
  const isOneLine = !text.includes('\r')
  const script = [
    `PORT=$(($1 + ${firstPort - 1}))`,
    'export PORT',
    ...(localUser === undefined || 'HOME' in environment ? [] : becoming(localUser)),
    // What a substitution cuts off at the end is kept by the dot.
    ...encoded.map((key) => `${key}=$(printf %b. "$${key}") && ${key}=\${${key}%.}`),
    `exec /bin/sh -c ${isOneLine ? '"$2"' : '"$(printf %b "$2")"'}`,
    // A semicolon begins a comment there.
  ].join(' && ')
  const words = [
    '/bin/sh',
    '-c',
    quoteWord(script),
    'sh',
    '%(process_num)d',
    quoteWord(isOneLine ? text : encode(text)),
  ]
  return words.join(' ')
}

/** So many times in a row, which it never reaches: each time it waits a second longer. */
const FOR_EVER = 999_999

function restarts({ when, limit }: RestartPolicy): string[] {
  // Else what ends within its first second would be started again all the same.
  if (when === 'no') return ['autorestart=false', 'startsecs=0']
  const retries = [`startsecs=1`, `startretries=${limit ?? FOR_EVER}`]
  return when === 'always'
    ? ['autorestart=true', ...retries]
    : ['autorestart=unexpected', 'exitcodes=0', ...retries]
}
