import { pauseKey } from '../claim/select.ts'
import type { Pause, Release } from '../store/rows.ts'
import type { Answer, OrderOf } from './order.ts'
import { type Asking, ask } from './reads.ts'
import type { Workset } from './workset.ts'

/** The pauses as they stand in this batch: earlier orders of it may have set or lifted some. */
export function* activePauses(work: Workset): Asking<readonly Pause[]> {
  const { add, remove } = work.pauses
  const stored = yield* ask('pauses')
  if (add.length + remove.length === 0) return stored
  // By what they pause: a store makes its rows anew for every question.
  const lifted = new Set(remove.map(pauseKey))
  return [...stored.filter((pause) => !lifted.has(pauseKey(pause))), ...add]
}

/** Fast enough that nobody waits for it, slow enough that a night's work does not arrive at once. */
const paceByDefault = 5_000
/** The most that one commit lets go. */
const partMax = 500
const partsPerSecond = 10

export function* pauseOne(work: Workset, order: OrderOf<'pause'>): Asking<Answer<'pause'>> {
  const key = pauseKey(order.pause)
  const existing = (yield* activePauses(work)).find((pause) => pauseKey(pause) === key)
  if (order.on) {
    if (existing !== undefined) return { changed: false }
    work.pauses.add.push({ ...order.pause, at: work.now })
    // What is still held back stays so, and its time stands still without a gap.
    if ((yield* releaseOf(work, key)) === undefined)
      work.pauseIntervals.open.push({ ...order.pause, fromAt: work.now, toAt: null })
    else work.releases.set(key, null)
    return { changed: true }
  }
  if (existing === undefined) return { changed: false }
  const added = work.pauses.add.indexOf(existing)
  if (added >= 0) work.pauses.add.splice(added, 1)
  else work.pauses.remove.push(existing)
  const pacePerSecond = order.pacePerSecond ?? paceByDefault
  const ids = (yield* releases(work)).map(({ id }) => id)
  // Never one of before: a timer of a release that was stopped must not hurry another.
  const id = Math.max(work.now, ...ids.map((each) => each + 1))
  const { scope, value, tenant } = order.pause
  yield* letGo(work, { key, id, scope, value, tenant, pacePerSecond, since: work.now })
  return { changed: true }
}

/** A timer of kind release rang: its release goes on, unless it was stopped. */
export function* fireRelease(work: Workset, id: number): Asking<void> {
  const release = (yield* releases(work)).find((each) => each.id === id)
  if (release !== undefined) yield* letGo(work, release)
}

/** Lets the next part go, in the order in which it was held; when nothing is left, time goes on for what was paused. */
function* letGo(work: Workset, release: Release): Asking<void> {
  const { key, id, pacePerSecond } = release
  const part = Math.min(partMax, Math.max(1, Math.round(pacePerSecond / partsPerSecond)))
  const stored = yield* ask('parked', key, part + 1 + work.parkedRemove.size)
  const born = [...work.parkedAdd.values()].filter((parked) => parked.key === key)
  // What an earlier order of this batch has ended or moved stands elsewhere already.
  const held = [...stored.filter((parked) => !work.parkedRemove.has(parked.id)), ...born]
  for (const parked of held.slice(0, part)) work.unpark(parked)
  if (held.length > part) {
    work.releases.set(key, release)
    work.addTimer({ at: work.now + Math.ceil((part / pacePerSecond) * 1_000), kind: 'release', id })
    return
  }
  work.releases.set(key, null)
  const opened = work.pauseIntervals.open.findIndex((interval) => pauseKey(interval) === key)
  if (opened >= 0) work.pauseIntervals.open.splice(opened, 1)
  else work.pauseIntervals.close.push({ ...release, fromAt: release.since, toAt: work.now })
}

function* releases(work: Workset): Asking<readonly Release[]> {
  const stored = yield* ask('releases')
  if (work.releases.size === 0) return stored
  const changed = [...work.releases.values()].filter((release) => release !== null)
  return [...stored.filter(({ key }) => !work.releases.has(key)), ...changed]
}

function* releaseOf(work: Workset, key: string): Asking<Release | undefined> {
  return (yield* releases(work)).find((release) => release.key === key)
}
