import { createHmac, randomBytes } from 'node:crypto'
import { cookieOf, serve } from './serve.js'

// A login page and a page behind it, with a session of the kind that the first argument names.
const known = new Set()

const remembered = (sid = fresh()) => {
  known.add(sid)
  return sid
}

const KINDS = {
  /** Nobody remembers it: it is what is signed, and the login gives another one each time. */
  signed: {
    isKnown: (sid) => isSigned(sid),
    onLogin: () => signed(fresh()),
  },
  /** Signed, and given anew on each page with the time, as a session that slides on. */
  sliding: {
    isKnown: (sid) => isSigned(sid),
    onLogin: () => signed(seconds()),
    onVisit: () => signed(seconds()),
  },
  /** In memory, and the login gives another one each time. */
  'in memory': {
    isKnown: (sid) => known.has(sid),
    onLogin: () => remembered(),
  },
  /** In memory, and given again on each page. */
  'prolonged in memory': {
    isKnown: (sid) => known.has(sid),
    onLogin: (sid) => (known.has(sid) ? sid : remembered()),
    onVisit: (sid) => sid,
  },
}
const { isKnown, onLogin, onVisit } = KINDS[process.argv[2]]

serve((request) => {
  const sid = cookieOf(request, 'sid')
  if (request.url === '/login') return { headers: given(onLogin(sid)) }
  if (!isKnown(sid)) return { status: 302, headers: { location: '/login' } }
  return { headers: onVisit === undefined ? {} : given(onVisit(sid)) }
})

// So that whoever is started next is asked in another second.
process.prependListener('SIGTERM', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000))

function given(sid) {
  return { 'set-cookie': `sid=${sid}; Path=/` }
}

function fresh() {
  return randomBytes(8).toString('hex')
}

function seconds() {
  return Math.floor(Date.now() / 1_000).toString(16)
}

function signed(value) {
  return `${value}.${createHmac('sha256', 'of all').update(value).digest('hex')}`
}

function isSigned(sid = '') {
  return signed(sid.split('.')[0]) === sid
}
