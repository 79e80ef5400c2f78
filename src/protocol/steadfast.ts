import type { WorkAnswer } from '../commit/order.ts'
import { classify, LeaseLost } from '../errors/failures.ts'
import { isRefusal, type Refusal, Refused } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import type { Random } from '../identity/random.ts'
import { backoffMs, type RetryPolicy } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import type { WorkerProtocol } from './protocol.ts'

const pauses: RetryPolicy = { maxAttempts: 1, baseMs: 100, multiplier: 2, capMs: 5_000, jitter: 'full' }

/** Milliseconds before the n-th repetition (from 1) of a call that got no answer. */
export const pauseMs = (repetition: number, random: Pick<Random, 'next'>): number =>
  backoffMs(pauses, repetition, random.next())

export interface Patience {
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  /** The lease cannot hold any more. */
  readonly isOver: () => boolean
  /** Told of the 1st, 2nd, 4th, 8th … time without an answer. */
  readonly onUnanswered?: ((command: string, times: number, why: string) => void) | undefined
}

/** After so many the store takes others' writes, or the lease would be over: it is this command that it cannot take. */
const storeFailuresMax = 20

/**
 * Repeats a worker's command until it is answered. Every command may be repeated, so a lost reply costs time only and
 * never a second run of a handler.
 *
 * @throws LeaseLost once `isOver` says that the lease cannot hold any more.
 * @throws DatabaseError when the store fails again and again with this command alone.
 */
export function untilAnswered(
  protocol: Pick<WorkerProtocol, 'work'>,
  call: { readonly worker: number; readonly id: number; readonly command: WorkerCommand | PermitCommand },
  patience: Patience,
): Promise<WorkAnswer | Refusal> {
  const { worker, id, command } = call
  return insistently(command.type, () => protocol.work(worker, id, command), patience)
}

/** The same for any call that may be repeated; `what` names it in messages. */
export async function insistently<T extends object>(
  what: string,
  call: () => Promise<T | Refusal>,
  { clock, random, isOver, onUnanswered }: Patience,
): Promise<T | Refusal> {
  let storeFailures = 0
  for (let times = 1; ; times += 1) {
    let why: string
    try {
      const answer = await call()
      if (!isRefusal(answer) || !passing.has(answer.code)) return answer
      why = answer.reason
    } catch (thrown) {
      const { errorClass, message } = classify(thrown)
      if (errorClass === 'DatabaseError') storeFailures += 1
      const isPassing = thrown instanceof Refused ? passing.has(thrown.code) : unanswered.has(errorClass)
      if (!isPassing || storeFailures >= storeFailuresMax) throw thrown
      why = message
    }
    if (isOver()) throw new LeaseLost(`${what} was not answered within the lease: ${why}`)
    if ((times & (times - 1)) === 0) onUnanswered?.(what, times, why)
    await clock.sleep(pauseMs(times, random))
  }
}

/** Refusals that speak of the moment, not of the command. */
const passing: ReadonlySet<string> = new Set([
  'store_busy',
  'store_full',
  'store_closed',
  'queue_full',
  'too_many_requests',
  'rate_limited',
  'server_unreachable',
])
const unanswered: ReadonlySet<string> = new Set(['NetworkError', 'DatabaseError', 'TimeoutError'])
