// What can be asked of a formation and done to it, each with how often it is drawn.
import { setTimeout as sleep } from 'node:timers/promises'
import { MOST, partsOf } from './oracle.js'
import { TYPES, uptime } from './world.js'

/** The third end in a row would wait for two seconds or more. */
const MOST_CRASHES = 2

async function scaleTo(session) {
  const types = TYPES.filter(() => session.chance(0.5))
  const named = types.length === 0 ? ['web'] : types
  const wanted = named.map((type) => [type, Math.floor(session.random() * (MOST + 1))])
  const words = wanted.map(([type, count]) => `${type}=${count}`)
  await session.scale(words, { ...session.wish.counts, ...Object.fromEntries(wanted) })
}

async function scaleBy(session) {
  const type = session.pick(TYPES)
  const count = session.wish.counts[type]
  const step = count === 0 || (count < MOST && session.chance(0.5)) ? 1 : -1
  await session.scale([`${type}${step > 0 ? '+' : '-'}1`], { ...session.wish.counts, [type]: count + step })
}

async function restart(session) {
  const slots = [...session.wish.slots(), ...session.wish.slots('maybe')]
  if (slots.length === 0) return
  const target = session.pick([session.pick(slots), partsOf(session.pick(slots)).type, undefined])
  // What was stopped one by one and is named, by itself or by its type, runs again.
  const isMeant = (slot) => target === undefined || slot === target || partsOf(slot).type === target
  const up = session.wish.formation().filter(isMeant)
  if (await session.command(['restart', ...(target === undefined ? [] : [target])], { up })) {
    session.wish.take(new Set(up.map((slot) => partsOf(slot).type)), session.world.edits)
    session.forgetCrashes(target)
  } else session.wish.doubt({ up })
}

async function stopOne(session) {
  const slots = session.wish.slots()
  if (slots.length === 0) return
  const down = [session.pick(slots)]
  if (!(await session.command(['stop', ...down], { down }))) session.wish.doubt({ down })
}

async function stopAndStart(session) {
  await session.stopAll(
    session.pick([
      [2, 'none'],
      [1, 'command'],
      [1, 'supervisor'],
    ]),
  )
  if (session.wrong.length === 0) await session.start()
}

/** Some of {supervisor, shim, command} at once, in any order. */
async function kill(session) {
  const living = [...session.world.living()].flatMap(([slot, tokens]) =>
    [...tokens].map((token) => session.world.journal(slot, token)),
  )
  const victims = living.filter(
    ({ slot, pid }) => pid !== undefined && (session.crashes.get(slot) ?? 0) < MOST_CRASHES,
  )
  const victim = victims.length === 0 ? undefined : session.pick(victims)
  const which = session.pick([
    [4, ['command']],
    [3, ['shim']],
    [3, ['supervisor']],
    [1, ['command', 'shim']],
    [1, ['shim', 'command']],
    [1, ['supervisor', 'command']],
    [1, ['shim', 'supervisor']],
    [1, ['supervisor', 'shim', 'command']],
  ])
  for (const what of which) {
    if (what === 'supervisor') await session.killSupervisor()
    else if (victim !== undefined) killOf(session, victim, what)
  }
  if (session.foreground !== undefined && session.world.supervisor() === undefined && session.chance(0.5))
    await session.supervise()
}

function killOf({ world, killed, counted, crashes, killedAt }, { slot, token, pid, shim }, what) {
  if (!world.kill(what === 'shim' ? shim : pid, token)) return
  killed[what === 'shim' ? 'shims' : 'commands'].add(token)
  counted[what === 'shim' ? 'shimKills' : 'crashes'] += 1
  killedAt.set(slot, uptime())
  crashes.set(slot, (crashes.get(slot) ?? 0) + 1)
  world.log(`killed the ${what} of ${slot} (${token})`)
}

/** Another command for a type, taken in at once or by whatever comes next. */
async function edit(session) {
  const { world, wish } = session
  const type = session.pick(TYPES)
  world.edits[type] += 1
  world.writeProcfile()
  world.log(`edited ${type}: ${world.edits[type]}`)
  if (session.chance(0.4)) return
  if (await session.command(['reload'])) {
    wish.take(TYPES, world.edits)
    session.forgetCrashes(type)
  }
}

async function wait(session) {
  await sleep(session.random() * 200)
}

export const operations = [
  [14, scaleTo],
  [14, scaleBy],
  [12, restart],
  [10, stopOne],
  [3, stopAndStart],
  [34, kill],
  [8, edit],
  [5, wait],
]
