import type { FleetProcess } from '../../store/fleet.ts'
import type { Changes } from '../../store/rows.ts'
import type { OrderOf } from '../order.ts'

/** A process that was not heard of for a week is remembered no longer. */
const rememberedMs = 7 * 86_400_000

/** Which processes there are, as this batch leaves it. Nothing is read for it: whoever speaks says all of himself. */
export class Roll {
  readonly #now: number
  readonly #changed: FleetProcess[] = []
  readonly #before: number[] = []

  constructor(now: number) {
    this.#now = now
  }

  /** One that was taken for silent, or is remembered no longer, is there again with its next word. */
  enter(order: OrderOf<'present' | 'departed'>): FleetProcess {
    const now = this.#now
    if (order.kind === 'present' && order.process.startedAt === null) this.#before.push(now - rememberedMs)
    const entered =
      order.kind === 'present'
        ? { ...order.process, startedAt: order.process.startedAt ?? now, seenAt: now, endedAt: null, proof: null }
        : { ...order.process, endedAt: now, proof: order.proof }
    this.#changed.push(entered)
    return entered
  }

  changes(): Pick<Changes, 'processes'> {
    return { processes: { save: this.#changed, before: this.#before } }
  }
}
