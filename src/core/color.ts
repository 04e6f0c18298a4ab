import type { ColorSetting } from './settings.ts'

/** Whether tw-run colours what it writes: as asked, else as NO_COLOR and FORCE_COLOR say, else on a terminal. */
export function wantsColor(
  setting: ColorSetting,
  shell: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  if (setting !== 'auto') return setting === 'always'
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: terminal } = shell
  if (no !== undefined && no !== '') return false
  if (force !== undefined) return force !== '0' && force !== 'false'
  return isTerminal && terminal !== 'dumb'
}
