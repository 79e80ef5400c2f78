import type { AnyAction } from '../action/action.ts'
import { validate } from '../action/schema.ts'
import type { Claimed } from '../commit/order.ts'
import { classify, Failure, LeaseLost, TimeoutError, ValidationError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { RunOutcome } from '../execution/run-outcome.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { type ContextPorts, createContext } from './context.ts'
import { mismatch, ShuttingDown } from './halt.ts'
import { Running, type Work } from './running.ts'
import { type SecretSource, type Unlocked, unlock } from './secrets.ts'

export interface RunPorts extends ContextPorts {
  readonly clock: Clock
  readonly work: Work
  /** Aborted by the worker on cancel, lost lease and shutdown, and by the run itself when it learns of them first. */
  readonly abort: AbortController
  readonly secrets: SecretSource | undefined
}

/** Runs the handler of one claimed execution to its end. Never throws: whatever happens is an outcome. */
export async function runExecution(claimed: Claimed, action: AnyAction, ports: RunPorts): Promise<RunOutcome> {
  let unlocked: Unlocked
  let input: unknown
  try {
    unlocked = await unlock(ports.secrets, claimed.request.tenant, action.secrets)
    input = await readInput(action, claimed.request.input)
  } catch (thrown) {
    return claimed.execution.ending === null ? { kind: 'threw', failure: classify(thrown) } : { kind: 'reconciled' }
  }
  const running = new Running(claimed, ports.work, ports.abort, unlocked.mask)
  const timers = timeLimits(claimed, action, ports)
  let end: { readonly value: unknown } | { readonly thrown: unknown }
  try {
    end = { value: await action.run(createContext(running, input, unlocked.values, ports)) }
  } catch (thrown) {
    end = { thrown }
  }
  await running.finish()
  for (const timer of timers) timer.cancel()
  return conclude(running, end)
}

/** The schema speaks again, for what is stored is what was sent: defaults and conversions are the action's. */
async function readInput(action: AnyAction, text: string): Promise<unknown> {
  const parsed = await validate(action.input, JSON.parse(text))
  if (isRefusal(parsed)) throw new ValidationError(parsed.reason)
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

function conclude(running: Running, end: { readonly value: unknown } | { readonly thrown: unknown }): RunOutcome {
  const halt = running.halt
  const reason: unknown = running.signal.aborted ? running.signal.reason : undefined
  if (halt?.kind === 'lost') return { kind: 'lost', message: halt.error.message }
  if (reason instanceof LeaseLost) return { kind: 'lost', message: reason.message }
  if (halt?.kind === 'unknown_outcome') return { kind: 'unknown_outcome', message: running.mask(halt.error.message) }
  if (halt?.kind === 'recorded_only') return { kind: 'recorded_only', effect: halt.effect }
  if (halt === undefined && 'value' in end) {
    const missed = running.journal.unasked()[0]
    if (missed === undefined) return { kind: 'returned', value: end.value }
    const other = mismatch(`The handler returned without asking for effect ${missed.name}, which is in its journal.`)
    return running.reconcileOnly ? { kind: 'reconciled' } : threw(running, other.error)
  }
  if (running.reconcileOnly) return { kind: 'reconciled' }
  if (halt !== undefined) return threw(running, halt.error)
  if (reason instanceof ShuttingDown) return { kind: 'stopped' }
  // What a handler throws after it was aborted is only the echo of the abort.
  return threw(running, reason instanceof Failure ? reason : 'thrown' in end ? end.thrown : undefined)
}

function threw(running: Running, thrown: unknown): RunOutcome {
  const failure = classify(thrown)
  return { kind: 'threw', failure: { ...failure, message: running.mask(failure.message) } }
}
