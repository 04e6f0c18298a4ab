import { exitCodeOfSignal } from '../core/exit.ts'
import { shellText } from '../core/command.ts'
import { madeBy, runningTypes } from './input.ts'
import type { ExportInput, ExportType, Rendering } from './input.ts'
import { environmentLine, quotePath, quoteTemplate, quoteWord } from './quote-systemd.ts'
import { lostRules } from './lost-rules.ts'

/** What differs between the manager of the system and that of a user. */
interface Scope {
  readonly format: string
  /** Where the files belong; `%E` is /etc, or the user's folder for configuration. */
  readonly folder: string
  readonly control: string
  readonly wantedBy: string
  /** Settings that only this one has. */
  serviceLines(input: ExportInput, type: ExportType): readonly string[]
}

/** Units for the manager of the system. */
export function systemd(input: ExportInput): Rendering {
  return render(input, {
    format: 'systemd',
    folder: '%E/systemd/system',
    control: 'systemctl',
    wantedBy: 'multi-user.target',
    serviceLines: ({ localUser }) => [
      ...(localUser === undefined ? [] : [`User=${localUser}`]),
      'PrivateTmp=yes',
      'Environment=TMPDIR=/tmp',
    ],
  })
}

/** Units for `systemd --user`, where a private /tmp takes rights that not every user has. */
export function systemdUser(input: ExportInput): Rendering {
  return render(input, {
    format: 'systemd-user',
    folder: '%E/systemd/user',
    control: 'systemctl --user',
    wantedBy: 'default.target',
    serviceLines: ({ app }, { name }) => [
      `RuntimeDirectory=${app}-${name}.%i`,
      'RuntimeDirectoryMode=0700',
      `Environment=TMPDIR=%t/${app}-${name}.%i`,
    ],
  })
}

function render(input: ExportInput, scope: Scope): Rendering {
  const { app, environment } = input
  const comment = `# ${madeBy(scope.format, input)}\n`
  const types = runningTypes(input)
  const entries = Object.entries(environment).map(([key, value]) => environmentLine(key, value))
  return {
    files: [
      { path: `${app}.target`, mode: 0o644, text: comment + target(input, scope) },
      ...types.map((type) => ({
        path: `${app}-${type.name}@.service`,
        mode: 0o644,
        text: comment + service(input, type, scope),
      })),
      { path: `${app}.env`, mode: 0o600, text: comment + entries.join('') },
    ],
    notes: lostRules(input, { name: 'systemd', hasOrder: true }),
    next: `${scope.control} daemon-reload && ${scope.control} enable --now ${app}.target`,
  }
}

/** The target wants so many of each; more are started by their name, such as app-web@3. */
function target(input: ExportInput, { wantedBy }: Scope): string {
  const types = runningTypes(input)
  return [
    '[Unit]',
    `Description=${input.app}`,
    ...types.map((type) => `Wants=${units(input, type)}`),
    '',
    '[Install]',
    `WantedBy=${wantedBy}`,
    '',
  ].join('\n')
}

function service(input: ExportInput, type: ExportType, scope: Scope): string {
  const { app, root } = input
  const { name, rules } = type
  return [
    '[Unit]',
    `Description=${name}.%i of ${app}`,
    `PartOf=${app}.target`,
    ...(scope.format === 'systemd' ? ['After=network.target'] : []),
    ...runningTypes(input)
      .filter((other) => rules.dependsOn.some((dependency) => dependency.type === other.name))
      .map((other) => `After=${units(input, other)}`),
    ...startLimits(type),
    '',
    '[Service]',
    'Type=exec',
    `WorkingDirectory=${quotePath(root)}`,
    `EnvironmentFile=${scope.folder}/${app}.env`,
    `Environment=PS=${name}.%i TW_RUN_PROCESS=${name}.%i`,
    `ExecStart=${commandLine(type)}`,
    ...restarts(type),
    ...stopping(type),
    `SyslogIdentifier=${name}.%i`,
    'NoNewPrivileges=yes',
    ...scope.serviceLines(input, type),
    '',
    '[Install]',
    `WantedBy=${app}.target`,
    '',
  ].join('\n')
}

function units({ app }: ExportInput, { name, count }: ExportType): string {
  return Array.from({ length: count }, (_, index) => `${app}-${name}@${index + 1}.service`).join(' ')
}

/** systemd cannot count, so a shell makes the port of the instance before the command takes its place. */
function commandLine({ command, firstPort }: ExportType): string {
  const wrapper = `PORT=$(($1 + ${firstPort - 1})); export PORT; exec /bin/sh -c "$2"`
  return `/bin/sh -c ${quoteWord(wrapper)} sh ${quoteTemplate('%i')} ${quoteWord(shellText(command))}`
}

/** s between an end and the next start. */
const RESTART_S = 1
/** A run that lasted so long, in s, was healthy; the same as under `tw-run start`. */
const HEALTHY_S = 60

function startLimits({ rules: { restart } }: ExportType): string[] {
  if (restart.limit === undefined) return ['StartLimitIntervalSec=0']
  const starts = restart.limit + 1
  return [`StartLimitIntervalSec=${starts * (HEALTHY_S + RESTART_S)}`, `StartLimitBurst=${starts}`]
}

function restarts({ rules: { restart } }: ExportType): string[] {
  return restart.when === 'no' ? ['Restart=no'] : [`Restart=${restart.when}`, `RestartSec=${RESTART_S}`]
}

/** A shell that died of the stop signal, or passed it on, is no failure. */
function stopping({ rules: { stop } }: ExportType): string[] {
  return [
    `KillSignal=${stop.signal}`,
    // 0 would mean for ever.
    `TimeoutStopSec=${Math.max(1, stop.graceMs)}ms`,
    `SuccessExitStatus=${exitCodeOfSignal(stop.signal)} ${stop.signal}`,
  ]
}
