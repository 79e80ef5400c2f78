import { type Refusal, refuse } from '../../errors/refusal.ts'
import type { Leader } from '../../store/fleet.ts'
import type { Changes } from '../../store/rows.ts'
import type { Answer, OrderOf } from '../order.ts'
import { type Asking, ask } from '../reads.ts'

/** So many are remembered: who led when, and what was refused to whom. */
const remembered = 1_000

/** Who does the duties of the store, as this batch leaves it. Read only where somebody asks. */
export class Leading {
  readonly #now: number
  readonly #changed = new Map<number, Leader>()
  readonly #forgotten: number[] = []
  #newest: Leader | null | undefined

  constructor(now: number) {
    this.#now = now
  }

  *lead({ holder, host, pid, leaseMs }: OrderOf<'lead'>): Asking<Answer<'lead'>> {
    const newest = yield* this.#present()
    const until = leaseMs === null ? null : this.#now + leaseMs
    if (newest !== null && newest.endedAt === null) {
      if (newest.holder === holder) {
        this.#set({ ...newest, until })
        return { epoch: newest.epoch, until, isOwn: true }
      }
      // A row without an end is of a process that held the store alone, and does so no longer.
      const isHeld = leaseMs !== null && newest.until !== null && newest.until > this.#now
      if (isHeld) return { epoch: newest.epoch, until: newest.until, isOwn: false }
    }
    const epoch = (newest?.epoch ?? 0) + 1
    const since = this.#now
    this.#set({ epoch, holder, host, pid, since, until, endedAt: null, refused: 0, refusedAt: null })
    if (epoch > remembered) this.#forgotten.push(epoch - remembered)
    return { epoch, until, isOwn: true }
  }

  *resign({ holder }: OrderOf<'resign'>): Asking<Answer<'resign'>> {
    const newest = yield* this.#present()
    if (newest === null || newest.holder !== holder || newest.endedAt !== null) return { resigned: false }
    this.#set({ ...newest, endedAt: this.#now })
    return { resigned: true }
  }

  /** Why a duty of this epoch is not done any more, and leaves a record of it; null when it may be. */
  *refusalOf(epoch: number): Asking<Refusal | null> {
    const newest = yield* this.#present()
    if (newest !== null && newest.epoch === epoch && newest.endedAt === null) return null
    const own = this.#changed.get(epoch) ?? (yield* ask('leader', epoch))
    if (own !== null) this.#changed.set(epoch, { ...own, refused: own.refused + 1, refusedAt: this.#now })
    if (newest?.epoch === epoch) this.#newest = this.#changed.get(epoch) ?? newest
    return refuse('leader_superseded', `Epoch ${epoch} of the leader is over; the newest is ${newest?.epoch ?? 0}.`, {
      epoch,
      newest: newest?.epoch ?? 0,
    })
  }

  changes(): Pick<Changes, 'leaders'> {
    return { leaders: { save: [...this.#changed.values()], remove: this.#forgotten } }
  }

  *#present(): Asking<Leader | null> {
    if (this.#newest === undefined) this.#newest = yield* ask('leader', 'newest')
    return this.#newest
  }

  #set(leader: Leader): void {
    this.#newest = leader
    this.#changed.set(leader.epoch, leader)
  }
}
