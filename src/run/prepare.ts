import type { AnyAction } from '../action/action.ts'
import { validate } from '../action/schema.ts'
import type { Claimed } from '../commit/order.ts'
import { classify, TimeoutError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { RetryPolicy } from '../time/backoff.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Bell } from './bell.ts'
import type { ContextPorts } from './context.ts'
import { decoded, undecodable } from './decoding.ts'
import type { Work } from './running.ts'
import type { SecretSource } from './secrets.ts'

export interface RunPorts extends ContextPorts {
  readonly clock: Clock
  readonly work: Work
  /** Aborted by the worker on cancel, lost lease and shutdown, and by the run itself when it learns of them first. */
  readonly abort: AbortController
  /** Rings when a permit is there that a step of this run stands in line for. */
  readonly bell: Bell
  readonly secrets: SecretSource | undefined
  /** For what an action's retry policy leaves open. */
  readonly retry?: RetryPolicy | undefined
}

/**
 * The schema speaks again, for what is stored is what was sent: defaults and conversions are the action's. It was admitted
 * once, so one that does not fit any more met another schema than this one.
 *
 * @throws Undecodable
 */
export async function readInput(action: AnyAction, text: string): Promise<unknown> {
  const what = `The stored input, by ${action.name} version ${action.version} as this worker has it,`
  const stored = decoded<unknown>(what, text)
  let parsed: Awaited<ReturnType<typeof validate>>
  try {
    parsed = await validate(action.input, stored)
  } catch (thrown) {
    const { errorClass, message } = classify(thrown)
    // A schema may look something up; that the world broke meanwhile says nothing about the input.
    throw errorClass === 'UnknownError' ? undecodable(what, `its schema throws ${message}`, { cause: thrown }) : thrown
  }
  if (isRefusal(parsed)) throw undecodable(what, parsed.reason.replace(/\.$/, ''))
  return parsed.value
}

/** A handler that is out of time is told so and waited for: nothing is ever started beside it. */
export function timeLimits(
  { execution, attemptMs }: Claimed,
  { timeout }: AnyAction,
  { clock, abort }: Pick<RunPorts, 'clock' | 'abort'>,
): Timer[] {
  const limit = (ms: number, why: string): Timer => clock.timer(ms, () => abort.abort(new TimeoutError(why)))
  const timers: Timer[] = []
  // The narrower of what the action says and what the policy of its classes says.
  const mostMs = Math.min(timeout?.timeoutMs ?? Number.POSITIVE_INFINITY, attemptMs ?? Number.POSITIVE_INFINITY)
  if (mostMs !== Number.POSITIVE_INFINITY) timers.push(limit(mostMs, `The attempt took longer than ${mostMs} ms.`))
  if (execution.deadlineAt !== null && execution.ending === null) {
    timers.push(limit(execution.deadlineAt - clock.now(), 'The deadline of the execution has passed.'))
  }
  return timers
}
