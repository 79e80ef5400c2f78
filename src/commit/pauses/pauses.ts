import { pauseKey, type StandingPause } from '../../claim/select.ts'
import type { Pause, Release } from '../../store/rows.ts'
import type { Answer, OrderOf } from '../order.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'
import type { Unpausing } from './unpausing.ts'

/** The pauses as they stand in this batch: earlier orders of it may have set or lifted some. */
export function* activePauses(work: Workset): Asking<readonly StandingPause[]> {
  const { add, remove } = work.pauses
  const stored = yield* ask('pauses')
  if (stored.length + add.length === 0) return []
  // By what they pause: a store makes its rows anew for every question.
  const lifted = new Set(remove.map(pauseKey))
  const active = [...stored.filter((pause) => !lifted.has(pauseKey(pause))), ...add]
  const ending = new Map((yield* activeReleases(work)).map(({ key, since }) => [key, since]))
  return active.map((pause) => ({ ...pause, dueBy: ending.get(pauseKey(pause)) ?? null }))
}

/** The releases as they stand in this batch. */
export function* activeReleases(work: Workset): Asking<readonly Release[]> {
  const stored = yield* ask('releases')
  if (work.releases.size === 0) return stored
  const changed = [...work.releases.values()].filter((release) => release !== null)
  return [...stored.filter(({ key }) => !work.releases.has(key)), ...changed]
}

/** Fast enough that nobody waits for it, slow enough that a night's work does not arrive at once. */
const paceByDefault = 5_000

export function* pauseOne(work: Workset, order: OrderOf<'pause'>, unpausing: Unpausing): Asking<Answer<'pause'>> {
  const key = pauseKey(order.pause)
  const existing = (yield* activePauses(work)).find((pause) => pauseKey(pause) === key)
  const releases = yield* activeReleases(work)
  const release = releases.find((each) => each.key === key)
  if (order.on) {
    // One whose unpause is still looking at what was due stands yet, and is set anew.
    if (existing !== undefined && release === undefined) return { changed: false }
    if (existing !== undefined) liftPause(work, existing)
    work.pauses.add.push({ ...order.pause, at: work.now })
    // What is still held back stays so, and its time stands still without a gap.
    if (release === undefined) work.pauseIntervals.open.push({ ...order.pause, fromAt: work.now, toAt: null })
    else work.releases.set(key, null)
    return { changed: true }
  }
  if (existing === undefined || release !== undefined) return { changed: false }
  // Never one of before: a timer of a release that was stopped must not hurry another.
  const id = Math.max(work.now, ...releases.map((each) => each.id + 1))
  const { scope, value, tenant } = order.pause
  const pacePerSecond = order.pacePerSecond ?? paceByDefault
  work.releases.set(key, { key, id, scope, value, tenant, pacePerSecond, since: work.now })
  yield* unpausing.goOn(id)
  return { changed: true }
}

export function liftPause(work: Workset, { scope, value, tenant, reason, by, at }: Pause): void {
  const { add, remove } = work.pauses
  const key = pauseKey({ scope, value, tenant })
  const added = add.findIndex((each) => pauseKey(each) === key)
  if (added >= 0) add.splice(added, 1)
  else remove.push({ scope, value, tenant, reason, by, at })
}
