// Peers that are not written for Node.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eachProcess, formation, procfile } from '../lib/app.js'

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
  slowness: 8,
  launch({ app, dir, peer }) {
    const processes = eachProcess(app)
    const logs = join(dir, 'logs')
    mkdirSync(logs)
    const config = {
      proc_list_width: 30,
      procs: Object.fromEntries(processes.map(({ name, command }) => [name, { shell: command }])),
    }
    // JSON is YAML.
    writeFileSync(join(dir, 'mprocs.yaml'), JSON.stringify(config))
    const command = `stty rows 24 cols 100; exec '${peer.path}' --config mprocs.yaml --log-dir '${logs}'`
    return {
      argv: ['script', '-qfec', command, '/dev/null'],
      env: { TERM: 'xterm-256color' },
      logs: processes.map(({ name }) => join(logs, `${name}.log`)),
    }
  },
}

const foreman = {
  name: 'foreman',
  peer: 'foreman',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  slowness: 10,
  launch({ app, dir, peer }) {
    writeFileSync(join(dir, 'Procfile'), procfile(app))
    return { argv: [peer.path, 'start', '-f', 'Procfile', '-m', formation(app)] }
  },
}

const supervisord = {
  name: 'supervisord',
  peer: 'supervisord',
  kind: 'peer',
  stopSignal: 'SIGTERM',
  goesOn: false,
  launch({ app, dir, peer }) {
    const programs = app.entries.map(
      ({ name, command, count }) => `[program:${name}]
command=/bin/sh -c '${command}'
process_name=%(program_name)s_%(process_num)s
numprocs=${count}
autorestart=false
startsecs=0
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
`,
    )
    const config = `[supervisord]
nodaemon=true
silent=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=${join(dir, 'supervisord.pid')}
childlogdir=${dir}
${process.getuid() === 0 ? 'user=root\n' : ''}
${programs.join('\n')}`
    writeFileSync(join(dir, 'supervisord.conf'), config)
    return { argv: [peer.path, '-c', 'supervisord.conf'] }
  },
}

export const otherPeers = [mprocs, foreman, supervisord]
