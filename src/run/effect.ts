import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EffectContext, EffectSpec } from '../action/action.ts'
import { classify, Failure, neverSent, TerminalError, UnknownOutcome } from '../errors/failures.ts'
import type { EffectOutcome } from '../execution/command.ts'
import type { Effect } from '../execution/execution.ts'
import { effectKey } from './effect-key.ts'
import { mismatch, reconciled } from './halt.ts'
import { type Look, type Move, nextMove } from './in-doubt.ts'
import { recorded, replayed } from './recorded-value.ts'
import type { Running } from './running.ts'
import { performStep, simulatedPrefix } from './step.ts'

/** Changes the outside world through the ledger: intent committed before the call, outcome after it. */
export async function performEffect<T>(
  running: Running,
  worker: number,
  name: string,
  spec: EffectSpec<T>,
  now: () => number,
): Promise<T> {
  checkSpec(name, spec)
  if (running.claimed.request.recordOnly) return await standIn(running, name, spec, now)
  return await new OneEffect(running, worker, name, spec).perform()
}

/** Nothing is performed: the stand-in's value is recorded, and without one the run ends here. */
export async function standIn<T>(
  running: Running,
  name: string,
  spec: Pick<EffectSpec<T>, 'simulate'>,
  now: () => number,
): Promise<T> {
  const { simulate } = spec
  if (simulate !== undefined) return await performStep(running, `${simulatedPrefix}${name}`, now, () => simulate())
  throw running.stop({
    kind: 'recorded_only',
    effect: name,
    error: new TerminalError(`Effect ${name} is not performed: the execution is record-only.`),
  })
}

class OneEffect<T> {
  readonly #running: Running
  readonly #worker: number
  readonly #name: string
  readonly #spec: EffectSpec<T>
  readonly #ordinal: number
  readonly #row: Effect | undefined
  readonly #key: string
  readonly #context: EffectContext
  /** What the look found, or what it failed with. */
  #found: T | null | undefined
  #lookError: unknown

  constructor(running: Running, worker: number, name: string, spec: EffectSpec<T>) {
    const { tenant, publicId } = running.claimed.request
    const { ordinal, recorded: row } = running.journal.nextEffect(name)
    this.#running = running
    this.#worker = worker
    this.#name = name
    this.#spec = spec
    this.#ordinal = ordinal
    this.#row = row
    this.#key = row?.effectKey ?? effectKey(tenant, publicId, running.scope, name, ordinal)
    this.#context = { effectKey: this.#key, fence: running.fence, signal: running.signal }
  }

  async perform(): Promise<T> {
    if (this.#row === undefined) await this.#refuseOtherJournal()
    const before = this.#move(null)
    return before === 'look' ? await this.#act(this.#move(await this.#look())) : await this.#act(before)
  }

  #move(look: Look | null): Move {
    const { target, reconcile } = this.#spec
    const { reconcileOnly } = this.#running
    return nextMove({ effect: this.#row, target, reconcilable: reconcile !== undefined, reconcileOnly, look })
  }

  async #act(move: Move): Promise<T> {
    const running = this.#running
    switch (move) {
      case 'use':
        return running.decode<T>(`The recorded value of effect ${this.#name}`, this.#row?.value ?? null)
      case 'call':
      case 'replay':
        return await this.#call()
      case 'record_yes':
        return await this.#recordFound()
      case 'record_no':
        return await this.#believeNo()
      case 'ask_person':
        throw running.stop({ kind: 'unknown_outcome', error: this.#unknown('nothing can look whether it happened') })
      case 'look_again':
        throw running.stop({ kind: 'failed', error: this.#lookFailed() })
      case 'stop':
        throw running.stop(reconciled())
      case 'mismatch':
        throw running.stop(
          mismatch(
            `Effect ${this.#name} is ${this.#row?.target} in the journal, and the handler says ${this.#spec.target}.`,
          ),
        )
      case 'look':
        throw new Error('a look leads to a move, never to another look')
    }
  }

  /**
   * A handler that asks for a new effect before it asked for a recorded one has changed under its execution. Only one
   * that makes its calls in sequence can be told so; parallel calls have no order.
   */
  async #refuseOtherJournal(): Promise<void> {
    const { journal } = this.#running
    if (journal.unasked().length === 0 || this.#running.callsInFlight > 1) return
    await nextTurn()
    const missed = journal.unasked()[0]
    if (missed === undefined || this.#running.callsInFlight > 1) return
    throw this.#running.stop(
      mismatch(`The handler asks for effect ${this.#name} where the journal holds effect ${missed.name}.`),
    )
  }

  async #look(): Promise<Look> {
    const { reconcile } = this.#spec
    if (reconcile === undefined) throw new Error('nothing to look with')
    try {
      this.#found = await this.#within(() => reconcile(this.#context))
      return { kind: this.#found === undefined || this.#found === null ? 'not_found' : 'happened' }
    } catch (thrown) {
      this.#lookError = thrown
      return { kind: 'failed' }
    }
  }

  async #recordFound(): Promise<T> {
    const { text, problem } = this.#valueText(this.#found)
    await this.#running.send({ ...this.#address('reconcile_effect'), happened: true, value: text })
    if (problem !== undefined) throw problem
    return replayed<T>(text)
  }

  async #believeNo(): Promise<T> {
    const running = this.#running
    const command = { ...this.#address('reconcile_effect'), happened: false, value: null }
    const refusal = await running.send(command, ['old_process_alive'])
    if (refusal !== undefined) throw running.stop({ kind: 'unknown_outcome', error: this.#unknown(refusal.reason) })
    if (running.reconcileOnly) throw running.stop(reconciled())
    return await this.#call()
  }

  async #call(): Promise<T> {
    const running = this.#running
    const { target, reconcile } = this.#spec
    await running.send({
      ...this.#address('intend_effect'),
      worker: this.#worker,
      idx: running.idx,
      step: running.scope,
      name: this.#name,
      ordinal: this.#ordinal,
      target,
      reconcilable: reconcile !== undefined,
    })
    if (running.signal.aborted) {
      // Aborted between the intent and the call: the one moment at which nobody needs to look.
      await this.#record({ kind: 'not_applied', ...this.#errorOf(running.signal.reason) })
      throw running.signal.reason
    }
    let value: T
    try {
      value = await this.#within(() => this.#spec.do(this.#context))
    } catch (thrown) {
      const kind = isNotApplied(thrown) || neverSent(thrown) ? 'not_applied' : 'in_doubt'
      await this.#record({ kind, ...this.#errorOf(thrown) })
      throw thrown
    }
    const { text, problem } = this.#valueText(value)
    await this.#record({ kind: 'applied', value: text })
    if (problem !== undefined) throw problem
    return replayed<T>(text)
  }

  async #record(outcome: EffectOutcome): Promise<void> {
    await this.#running.send({ ...this.#address('record_effect'), outcome })
  }

  #address<Type extends string>(type: Type): { type: Type; fence: number; effectKey: string } {
    return { type, fence: this.#running.fence, effectKey: this.#key }
  }

  #within<R>(body: () => R): R {
    return this.#running.chance.within('effect', this.#name, this.#ordinal, body)
  }

  /** The effect has happened whatever its value is: a value that cannot be kept is an error, but not a doubt. */
  #valueText(value: unknown): { readonly text: string; readonly problem?: unknown } {
    try {
      return { text: recorded(value, `effect ${this.#name}`) }
    } catch (problem) {
      return { text: 'null', problem }
    }
  }

  #errorOf(thrown: unknown): { readonly errorClass: string; readonly error: string } {
    const { errorClass, message } = classify(thrown)
    return { errorClass, error: this.#running.mask(message) }
  }

  #unknown(reason: string): UnknownOutcome {
    return new UnknownOutcome(`Effect ${this.#name} may have happened: ${reason}`)
  }

  #lookFailed(): Failure {
    const { errorClass, message } = classify(this.#lookError)
    return new Failure(errorClass, `Looking whether effect ${this.#name} happened failed: ${message}`, {
      cause: this.#lookError,
      retryable: true,
    })
  }
}

// By the class it names, for a handler may have another copy of this package.
function isNotApplied(thrown: unknown): boolean {
  return (
    typeof thrown === 'object' && thrown !== null && (thrown as { errorClass?: unknown }).errorClass === 'NotApplied'
  )
}

const targets: readonly unknown[] = ['keyed', 'fenced', 'opaque']

function checkSpec(name: string, spec: Pick<EffectSpec<unknown>, 'target' | 'do'>): void {
  if (!targets.includes(spec.target))
    throw new TerminalError(`Effect ${name} must say whether its target is keyed, fenced or opaque.`)
  if (typeof spec.do !== 'function') throw new TerminalError(`Effect ${name} has nothing to do.`)
}
