/** What a shell does itself: in front of these `exec` would fail, or mean something else. */
const BUILTINS = new Set(
  (
    '. : [ alias bg bind break builtin caller case cd chdir command compgen complete continue coproc declare ' +
    'dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts ' +
    'hash help history if in jobs kill let local logout popd printf pushd pwd read readonly return select set ' +
    'shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until ' +
    'wait while'
  ).split(' '),
)

/** One program and its arguments: nothing that comes after it, beside it or in its place. */
const SIMPLE =
  /^(?<program>[A-Za-z0-9_./+-]+)(?:[ \t]+(?:[A-Za-z0-9_./+:,@%=^-]|'[^'\n]*'|"[^"\\$`\n]*"|\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\})+)*[ \t]*$/

const OTHER_VARIABLE = /\$(?!PORT\b|\{PORT\})/
const EXEC = /^exec[ \t]+/

/**
 * The text for `sh -c`. A single program takes the shell's place, as most shells have it by themselves: else
 * a shell would stand between us and the program, die of the stop signal first, and hide how it ended.
 */
export function shellText(command: string): string {
  return programOf(command) === undefined ? command : `exec ${command}`
}

/**
 * The program that the command executes and does nothing else, if any shell with the run's environment makes the same of
 * its words: of the variables in them, each may be one of the shell's own, but PORT.
 */
export function soleProgram(command: string): string | undefined {
  return OTHER_VARIABLE.test(command) ? undefined : programOf(command.replace(EXEC, ''))
}

function programOf(command: string): string | undefined {
  const program = SIMPLE.exec(command)?.groups?.['program']
  return program === undefined || BUILTINS.has(program) ? undefined : program
}
