import { classify, LeaseLost } from '../errors/failures.ts'
import { isRefusal, type Refusal, Refused } from '../errors/refusal.ts'
import type { WorkerCommand } from '../execution/command.ts'
import type { Execution } from '../execution/execution.ts'
import type { Random } from '../identity/random.ts'
import { backoffMs, type RetryPolicy } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import type { WorkerProtocol } from './protocol.ts'

const pauses: RetryPolicy = { maxAttempts: 1, baseMs: 100, multiplier: 2, capMs: 5_000, jitter: 'full' }

/** Milliseconds before the n-th repetition (from 1) of a call that got no answer. */
export const pauseMs = (repetition: number, random: Pick<Random, 'next'>): number =>
  backoffMs(pauses, repetition, random.next())

/**
 * Repeats a worker's command until it is answered. Every command may be repeated, so a lost reply costs time only and
 * never a second run of a handler.
 *
 * @throws LeaseLost once `isOver` says that the lease cannot hold any more.
 */
export async function untilAnswered(
  protocol: Pick<WorkerProtocol, 'work'>,
  call: { readonly worker: number; readonly id: number; readonly command: WorkerCommand },
  {
    clock,
    random,
    isOver,
  }: { readonly clock: Clock; readonly random: Pick<Random, 'next'>; readonly isOver: () => boolean },
): Promise<Execution | Refusal> {
  for (let repetition = 1; ; repetition += 1) {
    let missing: string
    try {
      const answer = await protocol.work(call.worker, call.id, call.command)
      if (!isRefusal(answer) || !passing.has(answer.code)) return answer
      missing = answer.reason
    } catch (thrown) {
      const { errorClass, message } = classify(thrown)
      const isPassing = thrown instanceof Refused ? passing.has(thrown.code) : unanswered.has(errorClass)
      if (!isPassing) throw thrown
      missing = message
    }
    if (isOver()) throw new LeaseLost(`${call.command.type} was not answered within the lease: ${missing}`)
    await clock.sleep(pauseMs(repetition, random))
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
