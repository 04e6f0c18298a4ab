// Floor: the least a Node program must do to say what runs, or with words more, to have the formation scaled: read what
// tw-run reads, or ask whom it asks, and print it. node looker.cjs <folder of state directories> [p=6...]
const fs = require('node:fs')

const [, , base, ...words] = process.argv
const [project] = fs.readdirSync(base)
const state = `${base}/${project}`
const { counts } = JSON.parse(fs.readFileSync(`${state}/formation.json`, 'utf8'))

/** Nobody writes to a lifeline: it is empty while somebody holds the other end, and ended when nobody does. */
function isHeld(path) {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    return fs.readSync(fd, Buffer.alloc(1)) > 0
  } catch {
    return true
  } finally {
    fs.closeSync(fd)
  }
}

function rowOf(id) {
  const runs = `${state}/processes/${id}`
  const newest = Math.max(...fs.readdirSync(runs).map(Number))
  const path = `${runs}/${newest}`
  fs.readdirSync(path)
  const { port } = JSON.parse(fs.readFileSync(`${path}/spec.json`, 'utf8'))
  const shim = fs.readFileSync(`${path}/pid`, 'latin1').trim()
  const pid = fs.readFileSync(`/proc/${shim}/task/${shim}/children`, 'latin1').trim()
  return `${id}  ${isHeld(`${path}/life`) ? 'up' : 'down'}  ${pid}  ${port}`
}

if (words.length === 0) {
  const rows = fs.readdirSync(`${state}/processes`).map(rowOf)
  fs.writeSync(1, `${JSON.stringify(counts)}\n${rows.join('\n')}\n`)
} else {
  const token = '0123456789abcdef'
  const spares = fs.readdirSync(`${state}/spares`)
  const open = (name, way) => {
    fs.renameSync(`${state}/spares/${spares.pop()}`, `${state}/${name}-${token}`)
    return fs.openSync(`${state}/${name}-${token}`, way | fs.constants.O_NONBLOCK)
  }
  const answer = open('answer', fs.constants.O_RDONLY)
  fs.writeSync(open('question', fs.constants.O_RDWR), `${JSON.stringify({ do: 'scale', words })}\n`)
  fs.writeSync(fs.openSync(`${state}/commands`, fs.constants.O_WRONLY), `${token}\n`)
  const bytes = Buffer.alloc(1024)
  const pause = new Int32Array(new SharedArrayBuffer(4))
  let length = 0
  while (length === 0) {
    Atomics.wait(pause, 0, 0, 0.1)
    try {
      length = fs.readSync(answer, bytes)
    } catch {
      // Not yet.
    }
  }
  fs.writeSync(1, bytes.subarray(0, length))
}
