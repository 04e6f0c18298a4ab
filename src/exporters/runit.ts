import { instancesOf } from './input.ts'
import type { ExportedFile, ExportInput, ExportInstance, Rendering } from './input.ts'
import { lostRules } from './lost-rules.ts'
import { finishScript, scriptHead, serviceFiles, serviceName } from './service-script.ts'
import type { Family } from './service-script.ts'

// In a process group of its own, which can be stopped as a whole.
const RUNIT: Family = {
  format: 'runit',
  asUser: ['chpst', '-P', '-u'],
  asSelf: ['chpst', '-P'],
  atStart: ['rm -f asked'],
  // Being told to exit comes before staying down.
  giveUp: 'grep -q exit supervise/stat || printf d >supervise/control',
  wasAsked: () => '[ -f asked ]',
}

/** Service directories for runit, one for each process. */
export function runit(input: ExportInput): Rendering {
  return {
    files: instancesOf(input).flatMap((one) => service(input, one)),
    notes: lostRules(input, { name: 'runit' }),
    next: `link the folders into /etc/service, or run: runsvdir <folder>`,
  }
}

function service(input: ExportInput, one: ExportInstance): ExportedFile[] {
  const folder = serviceName(input, one)
  return [
    ...serviceFiles(input, one, RUNIT),
    { path: `${folder}/control/t`, mode: 0o755, text: scriptHead(input, 'runit') + stopScript(one) },
    { path: `${folder}/finish`, mode: 0o755, text: finishScript(input, one, RUNIT) },
  ]
}

/** In place of runit's own SIGTERM, which only one process would get; runit has no SIGKILL after a while either. */
function stopScript({ type }: ExportInstance): string {
  const { signal, graceMs } = type.rules.stop
  const name = signal.replace(/^SIG/, '')
  return `: >asked
read -r pid <supervise/pid || exit 1
kill -s ${name} -- "-$pid"
kill -s CONT -- "-$pid"
(
  sleep ${graceMs / 1000}
  read -r now <supervise/pid
  [ "$now" = "$pid" ] && kill -s KILL -- "-$pid"
) </dev/null >/dev/null 2>&1 &
`
}
