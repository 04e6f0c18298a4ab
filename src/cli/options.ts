import { Option, type Command } from 'commander'
import type { Flags } from '../core/settings.ts'

/** Which of the shared options a command takes. */
export type OptionGroup =
  | 'app'
  | 'place'
  | 'environment'
  | 'formation'
  | 'stop'
  | 'restart'
  | 'output'
  | 'color'
  | 'state'
  | 'release'
  | 'sharing'
  | 'engine'
  | 'image'
  | 'limits'

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function collectWords(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, ...value.split(/[\s,]+/).filter((word) => word !== '')]
}

/** What has its formation for itself may have ports that nobody else knows. */
const PORT_OF: Readonly<Record<string, string>> = {
  with: 'the first port (default: PORT, else 5000), or auto: free ones of TW_RUN_AUTO_PORTS (20000-31999)',
  prove: 'the first port (default: auto, free ones of TW_RUN_AUTO_PORTS, 20000-31999)',
}

// Made anew for each command: commander keeps parsing state in an Option.
const GROUPS: Readonly<Record<OptionGroup, (command: string) => Option[]>> = {
  app: () => [
    new Option('-f, --procfile <file>', 'the Procfile (default: Procfile)'),
    new Option('-d, --root <folder>', 'where processes start (default: the folder of the Procfile)'),
    new Option('-e, --env <files>', 'environment files, later wins (default: .env)').argParser(collect),
  ],
  // Of a formation that was started: the rest is known there.
  place: () => [new Option('-d, --root <folder>', 'the folder of the app (default: the current one)')],
  environment: () => [new Option('--env-precedence <who>', 'who wins: shell or file (default: shell)')],
  formation: (command) => [
    new Option(
      '-m, --formation <counts>',
      'how many of each type: web=3,worker=2 or all=2 (default: 1 each)',
    ),
    new Option('-c, --concurrency <counts>', 'the same as --formation'),
    new Option('-x, --except <types>', 'types that do not run').argParser(collectWords),
    new Option('-p, --port <port>', PORT_OF[command] ?? 'the first port (default: PORT, else 5000)'),
    new Option('--port-step <n>', 'from the ports of one type to the next (default: 100)'),
  ],
  stop: () => [new Option('-t, --timeout <seconds>', 'from the stop signal to SIGKILL (default: 5)')],
  restart: () => [
    new Option(
      '--restart <policy>',
      'no, on-failure, on-failure:N or always (default: no); app.json wins for the types that it names',
    ),
  ],
  output: () => [
    new Option('--log-format <format>', 'pretty, plain or json (default: pretty)'),
    new Option('--no-timestamps', 'leave the time out'),
    new Option('--no-prefix', 'leave the name of the process out'),
  ],
  color: () => [
    new Option('--color', 'colour even where no terminal is'),
    new Option('--no-color', 'no colour (also --no-colour)'),
    new Option('--no-colour').hideHelp(),
  ],
  state: () => [
    new Option('--state-dir <folder>', 'where tw-run keeps what it knows of the running formation'),
  ],
  sharing: (command) => [
    new Option('--router [address]', 'one address in front of all web processes (default: 127.0.0.1:8080)'),
    new Option('--recycle <time>', 'replace each process after so long, one by one: 10m, 24h'),
    ...GROUPS.limits(command),
  ],
  limits: () => [
    new Option('--max <counts>', 'no more of a type than this, whatever is asked for: clock=1').argParser(
      collect,
    ),
  ],
  engine: () => [
    new Option('--engine <name>', 'who runs it: local, swarm or kubernetes (default: as it was started)'),
    new Option('--app <name>', 'its name on the engine (default: from the name of the folder)'),
  ],
  image: () => [new Option('--image <image>', 'the container image that swarm and kubernetes run')],
  release: () => [new Option('--release', 'run the stages build and release to completion first')],
}

/** Adds the options of these groups to a command. */
export function withOptions(command: Command, ...groups: OptionGroup[]): Command {
  for (const option of groups.flatMap((group) => GROUPS[group](command.name()))) command.addOption(option)
  return command
}

/** What was typed, defaults left out: an option that was not given is looked for in the environment. */
export function flagsOf(command: Command): Flags {
  const opts: Record<string, unknown> = command.opts()
  const given = Object.keys(opts).filter((name) => command.getOptionValueSource(name) === 'cli')
  const typed = Object.fromEntries(given.map((name) => [name, opts[name]]))
  const { concurrency, color, colour, ...flags } = typed
  const formations = [flags['formation'], concurrency].filter((text) => typeof text === 'string')
  return {
    ...(flags as Flags),
    ...(formations.length === 0 ? {} : { formation: formations.join(',') }),
    ...(color === undefined && colour === undefined
      ? {}
      : { color: color === true && colour !== false ? ('always' as const) : ('never' as const) }),
  }
}
