import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kill9, until } from './live.ts'
import { cleanEnvironment } from './rig.ts'

/**
 * Pid 1 of a namespace of its own: a systemd that runs as a user's manager, with a /run and a control group that
 * nobody else sees. $1 is the name of the group, $2 where the tree of groups may be mounted.
 */
const INIT = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
mount -t cgroup2 none "$2"
mkdir "$2/$1"
echo $$ >"$2/$1/cgroup.procs"
exec unshare --cgroup sh -c '
  mount -t cgroup2 none /sys/fs/cgroup
  /lib/systemd/systemd --user --unit=idle.target --log-target=null &
  wait'`

const CLEAN = `mount -t cgroup2 none "$2" && find "$2/$1" -depth -type d -exec rmdir {} +`

export interface UserManager {
  /** Where units and what belongs to them are put. */
  readonly units: string
  /** Where systemd makes folders for services. */
  readonly runtime: string
  /** Runs systemctl; its exit code and what it printed. */
  readonly control: (...args: string[]) => { readonly code: number | null; readonly text: string }
  readonly stop: () => Promise<void>
}

/** A real systemd with units of its own, in `folder`; needs root, unshare and mount. */
export async function startUserManager(folder: string): Promise<UserManager> {
  const at = (name: string): string => join(folder, name)
  const units = at('config/systemd/user')
  for (const path of [units, at('run'), at('groups')]) mkdirSync(path, { recursive: true, mode: 0o700 })
  writeFileSync(join(units, 'idle.target'), '[Unit]\nDescription=nothing\n')
  const group = `tw-run-test-${randomUUID()}`
  const env = {
    ...cleanEnvironment(),
    XDG_RUNTIME_DIR: at('run'),
    XDG_CONFIG_HOME: at('config'),
    SYSTEMD_UNIT_PATH: `${units}:/usr/lib/systemd/user`,
  }
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('unshare', [...unshare, 'sh', '-c', INIT, 'sh', group, at('groups')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const control: UserManager['control'] = (...args) => {
    const init = child.exitCode === null && child.signalCode === null ? firstChild(child.pid) : undefined
    if (init === undefined) return { code: null, text: 'not there yet' }
    // systemd talks to nobody whose pid it cannot see.
    const words = ['--target', init, '--mount', '--pid', 'systemctl', '--user', ...args]
    const { status, stdout, stderr } = spawnSync('nsenter', words, { env, encoding: 'utf8' })
    return { code: status, text: stdout + stderr }
  }
  await until(
    () => `systemd to run: ${errors}`,
    () => child.exitCode !== null || control('is-active', 'idle.target').code === 0,
  )
  if (child.exitCode !== null) throw new Error(`systemd did not start: ${errors}`)
  return {
    units,
    runtime: at('run'),
    control,
    stop: async () => {
      if (child.signalCode !== null) return
      kill9(child.pid)
      await ended
      spawnSync('unshare', ['--mount', 'sh', '-c', CLEAN, 'sh', group, at('groups')], { env })
    },
  }
}

function firstChild(pid: number | undefined): string | undefined {
  const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')
  return first === '' ? undefined : first
}
