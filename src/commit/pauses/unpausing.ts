import { pauseKey, pauseLine, type StandingPause, standingOf } from '../../claim/select.ts'
import { isDueWork } from '../../execution/execution.ts'
import type { Parked, Pause, Ready, Release } from '../../store/rows.ts'
import { laneOf, type Workers } from '../fleet/registry.ts'
import { loadCandidates, loadExecutions } from '../loading.ts'
import type { Memory } from '../memory.ts'
import type { Permits } from '../permits/permits.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'
import { activePauses, activeReleases, liftPause } from './pauses.ts'

/** Due work that one commit looks at before a pause is lifted. */
const lookMax = 500
/** The most that one commit lets go. */
const partMax = 500
const partsPerSecond = 10
/** So many of a queue may wait to be claimed in any case; more when claims took more since the part before. */
const waitingMin = 32

/**
 * The end of a pause, a part per commit. First it looks at whatever was due when the order came and no claim has met: that
 * is held back as what claims have met is. Then the pause is lifted, and everything it held is let go in order, at its pace.
 */
export class Unpausing {
  readonly #work: Workset
  readonly #memory: Memory
  readonly #permits: Permits
  readonly #workers: Workers
  /** How far this batch has looked; null when it has seen everything, or begins anew. */
  readonly #lookedTo = new Map<number, Ready | null>()
  /** What this batch lets go of each release; null when it is over. */
  readonly #parts = new Map<number, readonly Parked[] | null>()

  constructor(work: Workset, memory: Memory, permits: Permits, workers: Workers) {
    this.#work = work
    this.#memory = memory
    this.#permits = permits
    this.#workers = workers
  }

  /** The next part, unless the release was stopped: its order came, or a timer of kind release rang. */
  *goOn(id: number): Asking<void> {
    const work = this.#work
    const release = (yield* activeReleases(work)).find((each) => each.id === id)
    if (release === undefined) {
      this.#lookedTo.set(id, null)
      this.#parts.set(id, null)
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
    const { letGo } = this.#memory
    for (const [id, part] of this.#parts) {
      const waiting = letGo.get(id)?.waiting ?? new Map<number, number>()
      // Some were claimed by this very commit.
      for (const { id: held, queue } of part ?? []) if (this.#work.readyAdd.has(held)) waiting.set(held, queue)
      if (part === null) letGo.delete(id)
      else letGo.set(id, { waiting, met: countIn((part ?? []).filter(({ id: held }) => !waiting.has(held))) })
    }
    for (const { waiting, met } of letGo.values())
      for (const { id, queue } of this.#work.readyRemove)
        if (waiting.delete(id)) met.set(queue, (met.get(queue) ?? 0) + 1)
    for (const [id, to] of this.#lookedTo) {
      if (to === null) this.#memory.lookedTo.delete(id)
      else this.#memory.lookedTo.set(id, to)
    }
  }

  /** Holds back the next part of what was due by the unpause; true when that was the last. */
  *#hasLooked({ id, since }: Release, pause: StandingPause): Asking<boolean> {
    const work = this.#work
    const known = this.#lookedTo.get(id)
    const from = known === undefined ? this.#memory.lookedTo.get(id) : (known ?? undefined)
    let left = lookMax
    for (const [queue] of this.#queuesUnder(pause)) {
      if (!this.#memory.maybeReady.has(queue) || (from !== undefined && queue < from.queue)) continue
      const stored: readonly Ready[] =
        from?.queue === queue ? yield* ask('readyBehind', from, left) : yield* ask('ready', queue, left)
      yield* this.#hold(
        stored.filter((ready) => !work.isGone(ready)),
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

  *#hold(found: readonly Ready[], since: number, pause: StandingPause): Asking<void> {
    const due = found.filter(({ availableAt }) => availableAt <= since)
    for (const candidate of yield* loadCandidates(this.#work, due)) {
      const standing = standingOf(candidate, [pause])
      const { id } = candidate.ready
      if (standing.kind === 'stale') this.#work.removeReady(candidate.ready)
      if (standing.kind === 'paused') this.#work.park(candidate.ready, standing.key)
      // What is held back, or cannot be read, must not keep a permit from whoever may run.
      const isHeld = standing.kind === 'paused' || candidate.execution === null
      if (isHeld && this.#permits.isHolder(id)) yield* this.#permits.release(id)
    }
  }

  /** Queues that a pause covers, with whether some worker serves them. */
  *#queuesUnder({
    scope,
    value,
  }: Pick<Pause, 'scope' | 'value'>): Iterable<readonly [queue: number, isServed: boolean]> {
    const queues: [number, boolean][] = []
    for (const [name, key] of this.#memory.queueKeys) {
      const action = name.slice(0, name.lastIndexOf('@'))
      if (scope === 'action' && action !== value) continue
      queues.push([key, this.#workers.serve(name)], [laneOf(key), false])
    }
    yield* queues.sort(([a], [b]) => a - b)
  }

  /**
   * Lets the next part go, of each queue in the order in which it was held, and no more than what claims take: new work
   * comes between, and nobody's time runs out in a line that only the pause has made. A queue that no worker serves is not
   * waited for. When everything has been met, time goes on for what was paused.
   */
  *#letGo(release: Release): Asking<void> {
    const work = this.#work
    const { key, id, pacePerSecond } = release
    const part = Math.min(partMax, Math.max(1, Math.round(pacePerSecond / partsPerSecond)))
    const { waiting, met } = this.#memory.letGo.get(id) ?? { waiting: new Map<number, number>(), met: new Map() }
    const waitingIn = new Map<number, number>()
    for (const queue of waiting.values()) waitingIn.set(queue, (waitingIn.get(queue) ?? 0) + 1)
    const served = new Set<number>()
    const lines: Parked[][] = []
    let isMore = false
    for (const [queue, isServed] of this.#queuesUnder(release)) {
      if (isServed) served.add(queue)
      const most = Math.max(waitingMin, 2 * (met.get(queue) ?? 0))
      const room = isServed ? Math.max(0, Math.min(part, most - (waitingIn.get(queue) ?? 0))) : part
      const held = yield* this.#heldIn(pauseLine(key, queue), room + 1)
      isMore ||= held.length > room
      lines.push(held.slice(0, room))
    }
    // From before there was a line for each queue.
    lines.push(yield* this.#heldIn(key, part))
    const next = inTurn(lines, part)
    yield* loadExecutions(
      work,
      next.map((parked) => parked.id),
    )
    for (const parked of next) this.#lineUp(parked)
    isMore ||= next.length < lines.flat().length
    if (isMore || [...next.map(({ queue }) => queue), ...waitingIn.keys()].some((queue) => served.has(queue))) {
      this.#parts.set(id, next)
      work.releases.set(key, release)
      work.addTimer({ at: work.now + Math.ceil((part / pacePerSecond) * 1_000), kind: 'release', id })
      return
    }
    this.#parts.set(id, null)
    work.releases.set(key, null)
    const opened = work.pauseIntervals.open.findIndex((interval) => pauseKey(interval) === key)
    if (opened >= 0) work.pauseIntervals.open.splice(opened, 1)
    else work.pauseIntervals.close.push({ ...release, fromAt: release.since, toAt: work.now })
  }

  /** Among the due with a turn of its own from now on: with the one it had, all of a night would go before new work. */
  #lineUp({ id, paid }: Parked): void {
    this.#work.forgetParked(id)
    const execution = this.#work.executions.get(id)
    if (execution === undefined || !isDueWork(execution)) return
    this.#work.addReady(execution)
    if (paid) this.#work.paid.add(id)
  }

  *#heldIn(line: string, count: number): Asking<Parked[]> {
    const { parkedRemove, parkedAdd } = this.#work
    const stored = yield* ask('parked', line, count + parkedRemove.size)
    const born = [...parkedAdd.values()].filter((parked) => parked.key === line)
    // What an earlier order of this batch has ended or moved stands elsewhere already.
    const held = [...stored.filter((parked) => !parkedRemove.has(parked.id)), ...born]
    return held.sort(inLine).slice(0, count)
  }
}

/** The first of each line, then the second of each, up to so many. */
function inTurn(lines: readonly (readonly Parked[])[], count: number): Parked[] {
  const taken: Parked[] = []
  const longest = Math.max(0, ...lines.map(({ length }) => length))
  for (let place = 0; place < longest; place += 1)
    for (const line of lines) {
      const parked = line[place]
      if (parked !== undefined && taken.length < count) taken.push(parked)
    }
  return taken
}

const inLine = (a: Ready, b: Ready): number => a.rank - b.rank || a.turn - b.turn || a.id - b.id

function countIn(entries: readonly Ready[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { queue } of entries) counts.set(queue, (counts.get(queue) ?? 0) + 1)
  return counts
}
