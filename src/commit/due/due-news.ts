import type { Ready, Update } from '../../store/rows.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'

/** Where an entry stands among the due. */
export type Place = Pick<Ready, 'queue' | 'rank' | 'turn' | 'id'>

/** An execution that ended as failed. */
export interface DeadLetter {
  readonly id: number
  readonly queue: number
  readonly attempt: number
  readonly errorClass: string | null
  readonly at: number
}

/** An execution that was redriven: no dead letter of it is true any more. */
export type Risen = Pick<DeadLetter, 'id' | 'queue'>

/** What whoever carries hints is told of a commit, once it is durable. */
export interface DueNews {
  /** What it made due and left to be claimed. */
  readonly due: readonly Ready[]
  readonly dead: readonly DeadLetter[]
  readonly risen: readonly Risen[]
}

export const dueNewsOf = (work: Workset, updates: readonly Update[]): DueNews => ({
  due: [...work.readyAdd.values()],
  dead: work
    .changed()
    .filter(({ state }) => state === 'failed')
    .map(({ id, queue, attempt, lastErrorClass, updatedAt }) => ({
      id,
      queue,
      attempt,
      errorClass: lastErrorClass,
      at: updatedAt,
    })),
  risen: updates
    .filter(({ was }) => was.state === 'failed')
    .map(({ was }) => work.executions.get(was.id) ?? was)
    .filter(({ state }) => state !== 'failed')
    .map(({ id, queue }) => ({ id, queue })),
})

const comesBefore = (one: Place, other: Place): number =>
  one.queue - other.queue || one.rank - other.rank || one.turn - other.turn || one.id - other.id

/**
 * The entries that still stand at these places, in order. What has left its place was claimed, parked or ended since it
 * was named. Places that lie together are read together.
 */
export function* standingAt(work: Workset, places: readonly Place[]): Asking<Ready[]> {
  const standing: Ready[] = []
  const left: Place[] = []
  for (const place of places) {
    const added = work.readyAdd.get(place.id)
    if (added !== undefined && comesBefore(added, place) === 0) standing.push(added)
    else left.push(place)
  }
  left.sort(comesBefore)
  for (let index = 0; index < left.length; ) {
    const first = left[index] as Place
    const found = yield* ask('readyBehind', { ...first, id: first.id - 1 }, left.length - index)
    const entries = new Map(found.map((ready) => [nameOf(ready), ready]))
    const last = found.at(-1)
    const isWhole = found.length < left.length - index
    do {
      const entry = entries.get(nameOf(left[index] as Place))
      if (entry !== undefined && !work.isGone(entry)) standing.push(entry)
      index += 1
    } while (index < left.length && isRead(left[index] as Place, first.queue, isWhole ? undefined : last))
  }
  return standing
}

const nameOf = ({ queue, rank, turn, id }: Place): string => `${queue} ${rank} ${turn} ${id}`

/** Whether the answer tells about this place, too: it lies in the queue that was read, and not behind the last entry. */
function isRead(place: Place, queue: number, last: Place | undefined): boolean {
  return place.queue === queue && (last === undefined || comesBefore(place, last) <= 0)
}

/** A part of all that is due, queue by queue, behind a place; fewer than `limit` are the last. */
export function* duePart(queues: Iterable<number>, behind: Place | null, limit: number): Asking<Ready[]> {
  const part: Ready[] = []
  for (const queue of [...queues].sort((a, b) => a - b)) {
    if (behind !== null && queue < behind.queue) continue
    const wanted = limit - part.length
    if (wanted === 0) break
    const isBegun = behind !== null && behind.queue === queue
    part.push(...(isBegun ? yield* ask('readyBehind', behind, wanted) : yield* ask('ready', queue, wanted)))
  }
  return part
}
