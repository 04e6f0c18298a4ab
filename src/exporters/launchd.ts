import { shellText } from '../core/command.ts'
import type { RestartPolicy } from '../core/process.ts'
import { instancesOf, madeBy, runningTypes } from './input.ts'
import type { ExportInput, ExportInstance, Rendering } from './input.ts'
import { lostRules } from './lost-rules.ts'
import { plist } from './quote-plist.ts'
import type { PlistValue } from './quote-plist.ts'

/** Property lists for launchd of macOS, one for each process. */
export function launchd(input: ExportInput): Rendering {
  const others = runningTypes(input).filter(({ rules }) => rules.stop.signal !== 'SIGTERM')
  const limited = runningTypes(input).filter(({ rules }) => rules.restart.limit !== undefined)
  const names = (types: typeof others): string => types.map(({ name }) => name).join(', ')
  return {
    files: instancesOf(input).map((one) => ({
      path: `${labelOf(input, one)}.plist`,
      // It holds the environment.
      mode: 0o600,
      text: plist(madeBy('launchd', input), job(input, one)),
    })),
    notes: [
      ...(others.length === 0 ? [] : [`launchd stops everything with SIGTERM, also ${names(others)}`]),
      ...(limited.length === 0 ? [] : [`launchd never gives up restarting, also not ${names(limited)}`]),
      ...lostRules(input, { name: 'launchd' }),
    ],
    next: 'launchctl bootstrap gui/$(id -u) <file>, for each file',
  }
}

function labelOf({ app }: ExportInput, { id }: ExportInstance): string {
  return `${app}.${id}`
}

function job(input: ExportInput, one: ExportInstance): PlistValue {
  const { root, environment, localUser, app } = input
  const { id, port, type } = one
  const { stop, restart } = type.rules
  const log = `${root}/${app}-${id}.log`
  return {
    Label: labelOf(input, one),
    ProgramArguments: ['/bin/sh', '-c', shellText(type.command)],
    WorkingDirectory: root,
    EnvironmentVariables: { ...environment, PORT: String(port), PS: id, TW_RUN_PROCESS: id },
    ...(localUser === undefined ? {} : { UserName: localUser }),
    RunAtLoad: true,
    KeepAlive: keepAlive(restart),
    // 0 would mean for ever.
    ExitTimeOut: Math.max(1, Math.ceil(stop.graceMs / 1000)),
    // launchd drops what is written nowhere.
    StandardOutPath: log,
    StandardErrorPath: log,
  }
}

function keepAlive({ when }: RestartPolicy): PlistValue {
  return when === 'on-failure' ? { SuccessfulExit: false } : when === 'always'
}
