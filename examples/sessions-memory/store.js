// The violation: only this process knows its sessions, and they end with it.
const sessions = new Map()

const living = (id) => {
  const session = sessions.get(id)
  return session !== undefined && session.until > Date.now() ? session : undefined
}

const prolong = (session, seconds) => {
  session.until = Date.now() + seconds * 1000
}

export const store = {
  create(id, entry, seconds) {
    for (const old of sessions.keys()) if (living(old) === undefined) sessions.delete(old)
    const session = { entries: [entry] }
    prolong(session, seconds)
    sessions.set(id, session)
  },

  read(id, seconds) {
    const session = living(id)
    if (session === undefined) return undefined
    prolong(session, seconds)
    return session.entries
  },

  append(id, entry, seconds) {
    const session = living(id)
    if (session === undefined) return false
    session.entries.push(entry)
    prolong(session, seconds)
    return true
  },

  remove(id) {
    sessions.delete(id)
  },
}
