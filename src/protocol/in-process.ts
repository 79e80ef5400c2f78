import type { Place } from '../commit/due/due-news.ts'
import type { Answer, OrderKind, Orders } from '../commit/order.ts'
import { orThrow } from '../errors/refusal.ts'
import { internalId, type PublicIdKey } from '../identity/public-id.ts'
import type { Hint, Welcome, WorkerProtocol } from './protocol.ts'

export interface InProcessOptions {
  readonly orders: Orders
  /** What every worker is told on signing on; also how long its leases are. */
  readonly settings: Omit<Welcome, 'worker'>
  /** Reads the ids in hints; without it none is known. */
  readonly idKey?: PublicIdKey | undefined
  /** Lone crashes after which an execution is taken for poison; 3 by default. */
  readonly poisonLosses?: number | undefined
  /** Told of every new incarnation, so that an earlier one of the same identity can be looked after. */
  readonly onRegistered?: ((worker: number, identity: string) => void) | undefined
}

/** The worker protocol on the side that holds the store: every call becomes an order. Other carriers end here. */
export function inProcess(options: InProcessOptions): WorkerProtocol {
  const { orders, settings, idKey, poisonLosses, onRegistered } = options
  const { leaseMs } = settings
  const placeOf = ({ execution, ...place }: Hint): Place[] => {
    const id = idKey === undefined ? null : internalId(execution, idKey)
    return id === null ? [] : [{ ...place, id }]
  }
  return {
    async register(hello) {
      const { worker } = taken(await orders.give<'register'>({ kind: 'register', hello }))
      onRegistered?.(worker, hello.identity)
      return { worker, ...settings }
    },
    claim: async ({ worker, limit, alone, only, waitMs }) =>
      taken(
        await orders.give<'claim'>({
          kind: 'claim',
          worker,
          limit,
          alone,
          only: only?.flatMap(placeOf),
          leaseMs,
          waitMs,
        }),
      ),
    heartbeat: async ({ worker, held, stalledMs }) =>
      taken(await orders.give<'heartbeat'>({ kind: 'heartbeat', worker, leaseMs, held, stalledMs })),
    listen: async (ask) => taken(await orders.give<'listen'>({ kind: 'listen', ...ask })),
    async drain(worker, on) {
      taken(await orders.give<'drain'>({ kind: 'drain', worker, on }))
    },
    work(worker, id, command) {
      if (command.type === 'take_permits' || command.type === 'give_permits')
        return orders.give<'permit'>({ kind: 'permit', worker, id, command })
      const given = command.type === 'crashed' ? { ...command, poisonLosses } : command
      return orders.give<'work'>({ kind: 'work', worker, id, command: given })
    },
    async gone({ worker, cell, proof }) {
      taken(await orders.give<'gone'>({ kind: 'gone', worker: cell, proof, cause: 'exit', by: worker }))
    },
    spawn: (worker, id, spawn) => orders.give<'spawn'>({ kind: 'spawn', worker, id, spawn }),
    async signOff(worker) {
      taken(await orders.give<'sign_off'>({ kind: 'sign_off', worker }))
    },
  }
}

const taken = <K extends OrderKind>(answer: Answer<K>): Exclude<Answer<K>, { readonly refused: true }> =>
  orThrow(answer) as Exclude<Answer<K>, { readonly refused: true }>
