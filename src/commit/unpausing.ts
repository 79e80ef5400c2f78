import { pauseKey, standingOf } from '../claim/select.ts'
import type { Pause, Ready, Release } from '../store/rows.ts'
import { loadCandidates } from './loading.ts'
import type { Memory } from './memory.ts'
import { activePauses, activeReleases, liftPause } from './pauses.ts'
import type { Permits } from './permits.ts'
import { type Asking, ask } from './reads.ts'
import { laneOf } from './registry.ts'
import type { Workset } from './workset.ts'

/** Due work that one commit looks at before a pause is lifted. */
const lookMax = 500
/** The most that one commit lets go. */
const partMax = 500
const partsPerSecond = 10

/**
 * The end of a pause, a part per commit. First it looks at whatever was due when the order came and no claim has met: that
 * is held back as what claims have met is. Then the pause is lifted, and everything it held is let go in order, at its pace.
 */
export class Unpausing {
  readonly #work: Workset
  readonly #memory: Memory
  readonly #permits: Permits
  /** How far this batch has looked; null when it has seen everything, or begins anew. */
  readonly #lookedTo = new Map<number, Ready | null>()

  constructor(work: Workset, memory: Memory, permits: Permits) {
    this.#work = work
    this.#memory = memory
    this.#permits = permits
  }

  /** The next part, unless the release was stopped: its order came, or a timer of kind release rang. */
  *goOn(id: number): Asking<void> {
    const work = this.#work
    const release = (yield* activeReleases(work)).find((each) => each.id === id)
    if (release === undefined) {
      this.#lookedTo.set(id, null)
      return
    }
    const pause = (yield* activePauses(work)).find((each) => pauseKey(each) === release.key)
    if (pause !== undefined) {
      if (!(yield* this.#hasLooked(release, pause))) {
        work.addTimer({ at: work.now, kind: 'release', id })
        return
      }
      liftPause(work, pause)
    }
    yield* this.#letGo(release)
  }

  committed(): void {
    for (const [id, to] of this.#lookedTo) {
      if (to === null) this.#memory.lookedTo.delete(id)
      else this.#memory.lookedTo.set(id, to)
    }
  }

  /** Holds back the next part of what was due by the unpause; true when that was the last. */
  *#hasLooked({ id, since }: Release, pause: Pause): Asking<boolean> {
    const work = this.#work
    const known = this.#lookedTo.get(id)
    const from = known === undefined ? this.#memory.lookedTo.get(id) : (known ?? undefined)
    let left = lookMax
    for (const queue of this.#queuesUnder(pause)) {
      if (from !== undefined && queue < from.queue) continue
      const stored: readonly Ready[] =
        from?.queue === queue ? yield* ask('readyBehind', from, left) : yield* ask('ready', queue, left)
      yield* this.#hold(
        stored.filter((ready) => !work.readyGone.has(ready.id)),
        since,
        pause,
      )
      const last = stored.at(-1)
      left -= stored.length
      if (left === 0 && last !== undefined) {
        this.#lookedTo.set(id, last)
        return false
      }
    }
    yield* this.#hold([...work.readyAdd.values()], since, pause)
    this.#lookedTo.set(id, null)
    // What this very commit made due has no place in line yet: it is looked at once more.
    return ![...work.unplaced.values()].some(({ availableAt }) => availableAt <= since)
  }

  *#hold(found: readonly Ready[], since: number, pause: Pause): Asking<void> {
    const due = found.filter(({ availableAt }) => availableAt <= since)
    for (const candidate of yield* loadCandidates(this.#work, due)) {
      const standing = standingOf(candidate, [pause])
      if (standing.kind === 'stale') this.#work.removeReady(candidate.ready)
      if (standing.kind !== 'paused') continue
      this.#work.park(candidate.ready, standing.key)
      // What is held back must not keep a permit from whoever may run.
      if (this.#permits.isHolder(candidate.ready.id)) yield* this.#permits.release(candidate.ready.id)
    }
  }

  #queuesUnder({ scope, value }: Pause): number[] {
    const queues: number[] = []
    for (const [name, key] of this.#memory.queueKeys) {
      if (scope === 'action' && name.slice(0, name.lastIndexOf('@')) !== value) continue
      queues.push(key, laneOf(key))
    }
    return queues.filter((queue) => this.#memory.maybeReady.has(queue)).sort((a, b) => a - b)
  }

  /** Lets the next part go, in the order in which it was held; when nothing is left, time goes on for what was paused. */
  *#letGo(release: Release): Asking<void> {
    const work = this.#work
    const { key, id, pacePerSecond } = release
    const part = Math.min(partMax, Math.max(1, Math.round(pacePerSecond / partsPerSecond)))
    const stored = yield* ask('parked', key, part + 1 + work.parkedRemove.size)
    const born = [...work.parkedAdd.values()].filter((parked) => parked.key === key)
    // What an earlier order of this batch has ended or moved stands elsewhere already.
    const held = [...stored.filter((parked) => !work.parkedRemove.has(parked.id)), ...born].sort(inLine)
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
}

const inLine = (a: Ready, b: Ready): number => a.rank - b.rank || a.turn - b.turn || a.id - b.id
