/**
 * The parent of a one-off process: Node takes death by a real-time signal for exit code 0, a shell does not. It stays
 * in our group, so that the terminal stays ours, and opens nothing that the command sees. Trapped, not ignored: what
 * is ignored stays ignored in the command. Whoever is to hand on a signal waits for the line on descriptor 3, from
 * which on nothing is trapped where the command will be. 4 keeps the shell's own "Killed" out of stderr.
 */
export const WITNESS = `exec 4>&2 2>/dev/null
trap : TERM INT HUP QUIT USR1 USR2
(echo >&3; exec "$@" 2>&4 3>&- 4>&-)
exit $?`

/** Whether these are the words of the parent of a one-off process, which is our doing and nobody's program. */
export function isWitness(command: string): boolean {
  return command.includes(WITNESS.slice(0, WITNESS.indexOf('\n')))
}
