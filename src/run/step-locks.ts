import type { StepDefinition } from '../action/action.ts'
import { Failure, ValidationError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import { checkOwnKey, keysMax } from '../execution/permit.ts'
import { type PlanStep, scopeOf } from '../execution/plan.ts'
import type { Clock } from '../time/clock.ts'
import type { Bell } from './bell.ts'
import type { Running } from './running.ts'

/** A step in line asks again after so long, should it have missed that its turn has come. */
const askAgainMs = 5_000

/** Permits of the steps of one run: each is held while its step runs, and no longer. */
export class StepLocks {
  readonly #running: Running
  readonly #clock: Pick<Clock, 'timer'>
  readonly #bell: Bell

  constructor(running: Running, clock: Pick<Clock, 'timer'>, bell: Bell) {
    this.#running = running
    this.#clock = clock
    this.#bell = bell
  }

  /**
   * Takes the keys of one target, as far as they are free; at the first that is not, it stands in line.
   *
   * @throws Failure when they can never be had: a key that is none, or whoever holds one waits for this very run.
   */
  async take(target: PlanStep, keys: readonly string[]): Promise<'held' | 'in_line'> {
    const step = scopeOf(target)
    this.#bell.quiet(step)
    const command = { type: 'take_permits', fence: this.#running.fence, step, keys } as const
    const refusal = await this.#running.send(command, ['permit_busy', 'permit_deadlock'])
    if (refusal === undefined) return 'held'
    if (refusal.code === 'permit_busy') return 'in_line'
    await this.give(target)
    throw new Failure('UnknownError', `${refusal.code}: ${refusal.reason}`, { retryable: true })
  }

  /** Resolves when it may be worth asking again, at once when the signal is aborted. */
  async turn(target: PlanStep, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const stopListening = this.#bell.listen(scopeOf(target), resolve)
    const timer = this.#clock.timer(askAgainMs, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    stopListening()
    timer.cancel()
  }

  /** Gives back whatever a target holds, and its place in line. */
  async give(target: PlanStep): Promise<void> {
    // A lost lease has taken everything already.
    if (this.#running.halt?.kind === 'lost') return
    await this.#running.send({ type: 'give_permits', fence: this.#running.fence, step: scopeOf(target) })
  }
}

/**
 * The keys that a step needs on its target, by what the action declares.
 *
 * @throws Failure for keys that nobody could hold, and for whatever `locks` throws.
 */
export function keysOf({ locks }: StepDefinition, input: unknown, { target, args }: PlanStep): readonly string[] {
  if (locks === undefined) return []
  const keys: unknown = locks({ input, target, args: JSON.parse(args) as unknown })
  if (!Array.isArray(keys)) throw new ValidationError('`locks` of a step must give a list of keys.')
  if (keys.length > keysMax) throw new ValidationError(`A step may need at most ${keysMax} locks, not ${keys.length}.`)
  for (const key of keys) {
    const refusal = checkOwnKey('A lock of a step', key)
    if (isRefusal(refusal)) throw new ValidationError(refusal.reason)
  }
  return keys as string[]
}
