import type { Admission } from '../commit/order.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { type PublicIdKey, publicId } from '../identity/public-id.ts'
import type { Inbox, Transaction } from '../store/inbox.ts'
import type { Clock } from '../time/clock.ts'

/** What a submission in a transaction of the caller's is known by; wherever an execution's id is asked for, it leads there. */
export interface Ticket {
  readonly id: string
}

/** Keys of executions stay below: what is shown as a ticket counts on from here. */
const ticketMin = 2 ** 52

interface TicketPorts {
  readonly clock: Pick<Clock, 'now'>
  readonly idKey: PublicIdKey
  /** Absent where callers cannot reach the store. */
  readonly inbox: Inbox | undefined
}

/** Submissions that callers leave in transactions of their own, and the way from them to their executions. */
export class Tickets {
  readonly #ports: TicketPorts

  constructor(ports: TicketPorts) {
    this.#ports = ports
  }

  /** Nothing is there before the caller has committed, and never if it rolls back. */
  async leave(admission: Admission, tx: Transaction): Promise<Ticket | Refusal> {
    const { inbox, clock, idKey } = this.#ports
    if (inbox === undefined) {
      return refuse('transaction_impossible', 'No transaction of the caller’s can hold what Pawl writes to SQLite.')
    }
    const { tenant } = admission
    const number = await inbox.leave(tx, { tenant, admission: JSON.stringify(admission) }, clock.now())
    return isRefusal(number) ? number : { id: publicId(ticketMin + number, idKey) }
  }

  /**
   * The key of the execution that a key leads to: itself, unless it is a ticket's. What its caller has committed is
   * admitted first, where nobody has done it yet; a submission that was refused gives its refusal.
   */
  async executionOf(key: number): Promise<number | null | Refusal> {
    if (key < ticketMin) return key
    const outcome = (await this.#ports.inbox?.outcome(key - ticketMin)) ?? null
    if (outcome === null) return null
    const refusal: unknown = outcome.refusal === null ? null : JSON.parse(outcome.refusal)
    return isRefusal(refusal) ? refusal : outcome.execution
  }
}
