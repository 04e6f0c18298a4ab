import { execFile, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { liveApp, until } from '../support/live.ts'
import type { LiveApp } from '../support/live.ts'
import { requires } from '../support/requirement.ts'
import { BIN, cleanEnvironment } from '../support/rig.ts'

const TERMINAL = fileURLToPath(new URL('../support/terminal.py', import.meta.url))
const TAB = '\t'
/** Bound in zsh to what inserts all that could come. */
const ALL = '\u001ba'

/** What is typed, and the words that tw-run is called with then. */
const TYPED: readonly (readonly [string, readonly string[]])[] = [
  [`tw-run sca${TAB}`, ['scale']],
  [`tw-run start --det${TAB}wo${TAB}`, ['start', '--detach', 'worker']],
  [`tw-run start -m we${TAB}2`, ['start', '-m', 'web=2']],
  [`tw-run start -m web=2,wo${TAB}3`, ['start', '-m', 'web=2,worker=3']],
  [`tw-run start --formation=we${TAB}2`, ['start', '--formation=web=2']],
  [`tw-run start --restart=on${TAB}web`, ['start', '--restart=on-failure', 'web']],
  [`tw-run start --root=other cl${TAB}`, ['start', '--root=other', 'clock']],
  // Only the person knows the file.
  [`tw-run start -f Proc${TAB}`, ['start', '-f', 'Procfile']],
  [`tw-run start --root=oth${TAB}`, ['start', '--root=other/']],
  [`tw-run super${TAB}`, ['super']],
]

/** An app in which `tw-run` answers the shell's questions, and otherwise only writes down how it was called. */
function shellApp(): { app: LiveApp; env: Record<string, string> } {
  const app = liveApp({
    Procfile: 'web: exec sleep 1000\nworker: exec sleep 1000\n',
    'other/Procfile': 'clock: true\n',
  })
  const bin = join(app.root, '..', 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'tw-run'),
    `#!/bin/sh
case $1 in complete|completion) exec '${process.execPath}' '${BIN}' "$@" ;; esac
printf '%s ' "$@" >>../called
echo >>../called
`,
  )
  chmodSync(join(bin, 'tw-run'), 0o755)
  const { PATH = '', ...env } = cleanEnvironment()
  const home = join(app.root, '..', 'home')
  mkdirSync(home)
  return {
    app,
    env: {
      ...env,
      PATH: `${bin}${delimiter}${PATH}`,
      HOME: home,
      ZDOTDIR: home,
      XDG_CONFIG_HOME: home,
      XDG_DATA_HOME: home,
      TERM: 'xterm',
      LC_ALL: 'C.UTF-8',
      TW_RUN_STATE_DIR: app.stateDir,
    },
  }
}

function calls(app: LiveApp): string[][] {
  const path = join(app.root, '..', 'called')
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => line.trimEnd().split(' '))
}

/** Types into a shell on a terminal, one line after the other was carried out; how tw-run was called. */
async function typedIn(
  shell: readonly string[],
  { app, env }: ReturnType<typeof shellApp>,
  lines: readonly string[],
): Promise<string[][]> {
  const keys = join(app.root, '..', 'keys')
  const screen = join(app.root, '..', 'screen')
  const terminal = spawn('python3', [TERMINAL, keys, screen, ...shell], {
    cwd: app.root,
    env,
    stdio: 'ignore',
  })
  const shown = (): string => (existsSync(screen) ? readFileSync(screen, 'utf8') : '')
  const type = (text: string): void => writeFileSync(keys, text)
  await until(
    () => `a prompt in:\n${shown()}`,
    () => shown().includes('go>'),
  )
  for (const [index, line] of lines.entries()) {
    type(`${line}\r`)
    await until(
      () => `${JSON.stringify(line)} to be carried out:\n${shown()}`,
      () => calls(app).length > index,
    )
  }
  const ended = new Promise((resolve) => {
    terminal.once('exit', resolve)
  })
  type('exit\r')
  await ended
  return calls(app)
}

const words = TYPED.map(([, called]) => called)
const lines = TYPED.map(([line]) => line)

describe('zsh', () => {
  const inZsh = requires('zsh', 'python3')
  const ZSHRC = `PROMPT='go> '
unsetopt auto_remove_slash
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches:*' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
bindkey '\\ea' all-matches
`

  inZsh.each([
    ['by eval', 'autoload -Uz compinit; compinit -u -D\neval "$(tw-run completion zsh)"\n'],
    [
      'as a file of fpath',
      'mkdir -p ../functions; tw-run completion zsh >../functions/_tw_run\nfpath=(${PWD:h}/functions $fpath)\nautoload -Uz compinit; compinit -u -D\n',
    ],
  ])('completes what is typed, installed %s', { timeout: 60_000 }, async (_, install) => {
    const shell = shellApp()
    writeFileSync(join(shell.env['ZDOTDIR'] ?? '', '.zshrc'), `${install}${ZSHRC}`)
    expect(await typedIn(['zsh', '-d', '-i'], shell, lines)).toEqual(words)
  })

  inZsh('offers all that could come', { timeout: 60_000 }, async () => {
    const shell = shellApp()
    writeFileSync(
      join(shell.env['ZDOTDIR'] ?? '', '.zshrc'),
      `autoload -Uz compinit; compinit -u -D\neval "$(tw-run completion zsh)"\n${ZSHRC}`,
    )
    const called = await typedIn(['zsh', '-d', '-i'], shell, [
      `tw-run st${ALL}`,
      `tw-run scale web=2 wor${ALL}`,
    ])
    expect(called.map((line) => line.toSorted())).toEqual([
      ['start', 'status', 'stop'],
      ['scale', 'web=2', 'worker+1', 'worker-1', 'worker='],
    ])
  })
})

describe('fish', () => {
  const inFish = requires('fish', 'python3')
  function fishApp(): ReturnType<typeof shellApp> {
    const shell = shellApp()
    const config = join(shell.env['XDG_CONFIG_HOME'] ?? '', 'fish')
    mkdirSync(config)
    writeFileSync(
      join(config, 'config.fish'),
      "tw-run completion fish | source\nset -g fish_greeting\nfunction fish_prompt; echo -n 'go> '; end\n",
    )
    return shell
  }

  inFish('completes what is typed', { timeout: 60_000 }, async () => {
    expect(await typedIn(['fish', '-i'], fishApp(), lines)).toEqual(words)
  })

  inFish.each([
    ['tw-run st', ['start', 'status', 'stop']],
    ['tw-run scale web=2 wor', ['worker+1', 'worker-1', 'worker=']],
    ['tw-run start --root=other ', ['clock']],
    ['tw-run start -m web=2,', ['web=2,all=', 'web=2,worker=']],
    ['tw-run start -f Pr', ['Procfile']],
  ])('offers for "%s" %j', async (line, offered) => {
    const { app, env } = fishApp()
    const { stdout } = await promisify(execFile)('fish', ['-c', `complete -C '${line}'`], {
      cwd: app.root,
      env,
    })
    const candidates = stdout
      .split('\n')
      .slice(0, -1)
      .map((one) => one.replace(/\t.*/, ''))
    expect(candidates.toSorted()).toEqual(offered)
  })
})
