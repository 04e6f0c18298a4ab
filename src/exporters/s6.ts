import { exitCodeOfSignal } from '../core/exit.ts'
import { instancesOf, madeBy, runningTypes } from './input.ts'
import type { ExportedFile, ExportInput, ExportInstance, Rendering } from './input.ts'
import { lostRules } from './lost-rules.ts'
import { finishScript, serviceFiles, serviceName } from './service-script.ts'
import type { Family } from './service-script.ts'

// Every service is in a session of its own already.
const S6: Family = {
  format: 's6',
  asUser: ['s6-setuidgid'],
  asSelf: [],
  atStart: [],
  giveUp: 'exit 125',
  // s6 does not tell; through a shell, death by a signal and an exit code look the same.
  wasAsked: (signal) => {
    const code = exitCodeOfSignal(signal)
    return `[ "$1" -eq ${code} ] || { [ "$1" -gt 255 ] && [ "$2" -eq ${code - 128} ]; }`
  },
}

/** Service directories for s6, one for each process. */
export function s6(input: ExportInput): Rendering {
  return {
    files: instancesOf(input).flatMap((one) => service(input, one)),
    notes: [
      ...runningTypes(input)
        .filter(({ rules }) => rules.restart.when !== 'always')
        .map(
          ({ name }) =>
            `s6: restart ${name} by s6-svc -d, then -u; after -r, an end with success is taken for its own`,
        ),
      ...lostRules(input, { name: 's6' }),
    ],
    next: 'link the folders into your scan directory, or run: s6-svscan <folder>',
  }
}

function service(input: ExportInput, one: ExportInstance): ExportedFile[] {
  const folder = serviceName(input, one)
  const { signal, graceMs } = one.type.rules.stop
  // Only the first line of these is read. 0 would mean for ever.
  const setting = (name: string, value: string | number): ExportedFile => ({
    path: `${folder}/${name}`,
    mode: 0o644,
    text: `${value}\n# ${madeBy('s6', input)}\n`,
  })
  return [
    ...serviceFiles(input, one, S6),
    {
      path: `${folder}/finish`,
      mode: 0o755,
      text: finishScript(input, one, S6),
    },
    setting('down-signal', signal),
    setting('timeout-kill', Math.max(1, graceMs)),
    setting('timeout-finish', graceMs + FINISH_MS),
  ]
}

/** What `finish` may take beside the grace period. */
const FINISH_MS = 5_000
