// Peers that are not written for Node.
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { eachProcess, formation, procfile } from '../lib/app.js'

function launchMprocs({ app, dir, peer }, { autorestart = false, port } = {}) {
  const processes = eachProcess(app)
  const logs = join(dir, 'logs')
  mkdirSync(logs)
  const config = {
    proc_list_width: 30,
    procs: Object.fromEntries(processes.map(({ name, command }) => [name, { shell: command, autorestart }])),
  }
  // JSON is YAML.
  writeFileSync(join(dir, 'mprocs.yaml'), JSON.stringify(config))
  const server = port === undefined ? '' : ` --server 127.0.0.1:${port}`
  const command = `stty rows 24 cols 100; exec '${peer.path}' --config mprocs.yaml --log-dir '${logs}'${server}`
  return {
    argv: ['script', '-qfec', command, '/dev/null'],
    env: { TERM: 'xterm-256color' },
    logs: processes.map(({ name }) => join(logs, `${name}.log`)),
  }
}

/** It takes commands on a TCP port only, and none that it chose itself. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const mprocsCli = (peer, { port }, command) => [
  peer.path,
  '--server',
  `127.0.0.1:${port}`,
  '--ctl',
  JSON.stringify(command),
]

const mprocs = {
  name: 'mprocs',
  peer: 'mprocs',
  kind: 'peer',
  // A signal would end it and not its processes: it is asked as a person does.
  quitKey: 'q',
  goesOn: false,
  // It needs a terminal and shows one process at a time there: script(1) is the terminal, and the lines are
  // read from the log files that it can write.
  wrapper: 'script',
  slowness: 16,
  launch: (options) => launchMprocs(options),
  control: {
    async launch(options) {
      const port = await freePort()
      const launch = launchMprocs(options, { autorestart: true, port })
      // The processes print nothing: there is no need to read a log.
      return { ...launch, logs: [], port }
    },
    scale: ({ peer, launch, app }) =>
      mprocsCli(peer, launch, { c: 'add-proc', cmd: eachProcess(app)[0].command }),
    // Of the selected one: it knows no other.
    restart: ({ peer, launch }) => mprocsCli(peer, launch, { c: 'restart-proc' }),
    crash: true,
  },
}

const foreman = {
  name: 'foreman',
  peer: 'foreman',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  slowness: 40,
  takesGrace: true,
  launch({ app, dir, peer }) {
    writeFileSync(join(dir, 'Procfile'), procfile(app))
    const grace = app.graceSeconds === undefined ? [] : ['-t', String(app.graceSeconds)]
    return { argv: [peer.path, 'start', '-f', 'Procfile', '-m', formation(app), ...grace] }
  },
}

function launchSupervisord({ app, dir, peer }, { autorestart = false, isCommanded = false } = {}) {
  const programs = app.entries.map(
    ({ name, command, count }) => `[program:${name}]
command=/bin/sh -c '${command}'
process_name=%(program_name)s_%(process_num)s
numprocs=${count}
autorestart=${autorestart}
startsecs=0
${app.graceSeconds === undefined ? '' : `stopwaitsecs=${app.graceSeconds}\n`}stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
`,
  )
  const socket = join(dir, 'supervisord.sock')
  const commanded = `[unix_http_server]
file=${socket}
[supervisorctl]
serverurl=unix://${socket}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
`
  const config = `[supervisord]
nodaemon=true
silent=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=${join(dir, 'supervisord.pid')}
childlogdir=${dir}
${process.getuid() === 0 ? 'user=root\n' : ''}
${isCommanded ? commanded : ''}
${programs.join('\n')}`
  writeFileSync(join(dir, 'supervisord.conf'), config)
  return { argv: [peer.path, '-c', 'supervisord.conf'] }
}

const supervisord = {
  name: 'supervisord',
  peer: 'supervisord',
  kind: 'peer',
  stopSignal: 'SIGTERM',
  goesOn: false,
  // It carries as many lines as others, but takes seconds to start and to stop.
  slowness: 1,
  takesGrace: true,
  launch: (options) => launchSupervisord(options),
  control: {
    launch: (options) => launchSupervisord(options, { autorestart: true, isCommanded: true }),
    scale: 'it has no such verb: numprocs is in its file, and update stops and starts the whole group',
    restart: ({ index }) => ['supervisorctl', '-c', 'supervisord.conf', 'restart', `p:p_${index}`],
    crash: true,
  },
}

export const otherPeers = [mprocs, foreman, supervisord]
