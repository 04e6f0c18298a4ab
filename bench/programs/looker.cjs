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
  const socket = require('node:net').connect(fs.readFileSync(`${state}/socket`, 'utf8').trim())
  socket.write(`${JSON.stringify({ do: 'scale', words })}\n`)
  socket.once('data', (reply) => {
    fs.writeSync(1, reply)
    socket.end()
  })
}
