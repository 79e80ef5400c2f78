import type { Claimed } from '../commit/order.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import { type Effect, isOpen, type Step } from '../execution/execution.ts'
import type { Work } from './running.ts'

/**
 * What is on record about one target of a plan: its own part of the journal and the ledger, under its own names, kept up
 * with what is recorded meanwhile, so that a next try in the same claim meets what the one before has done.
 */
export class TargetRecord {
  readonly #claimed: Claimed
  readonly #prefix: string
  readonly #steps: Step[]
  readonly #effects: Map<string, Effect>

  constructor(claimed: Claimed, scope: string) {
    this.#claimed = claimed
    this.#prefix = `${scope}/`
    this.#steps = claimed.steps
      .filter(({ name }) => name.startsWith(this.#prefix))
      .map((step) => ({ ...step, name: step.name.slice(this.#prefix.length) }))
    const own = claimed.effects.filter(({ step }) => step === scope)
    this.#effects = new Map(own.map((effect) => [effect.effectKey, effect]))
  }

  /** An effect of it may have happened, and nobody knows yet. */
  get isInDoubt(): boolean {
    return [...this.#effects.values()].some(isOpen)
  }

  /** The claim as a handler of this target sees it. */
  claimed(tries: number, seed: string): Claimed {
    const { execution, request, attemptMs } = this.#claimed
    return {
      attemptMs,
      signals: [],
      execution: { ...execution, attempt: tries },
      request: { ...request, seed },
      steps: [...this.#steps],
      effects: [...this.#effects.values()],
    }
  }

  /** Carries commands of this target, under the names by which the journal keeps them apart from other targets'. */
  carrier(work: Work): Work {
    return async (command) => {
      const answer = await work(this.#named(command))
      if (!isRefusal(answer)) this.#recorded(command)
      return answer
    }
  }

  #named<C extends WorkerCommand | PermitCommand>(command: C): C {
    if (command.type !== 'record_step') return command
    const { artifact } = command
    const name = `${this.#prefix}${command.name}`
    return artifact === undefined
      ? { ...command, name }
      : { ...command, name, artifact: { ...artifact, name: `${this.#prefix}${artifact.name}` } }
  }

  #recorded(command: WorkerCommand | PermitCommand): void {
    const { id } = this.#claimed.execution
    switch (command.type) {
      case 'record_step': {
        const { name, ordinal, value, fence, startedAt } = command
        this.#steps.push({ id, name, ordinal, value, fence, startedAt, at: startedAt })
        return
      }
      case 'intend_effect': {
        const { type: _, ...intent } = command
        const known = this.#effects.get(intent.effectKey)
        this.#effects.set(intent.effectKey, {
          ...intent,
          id,
          state: 'intended',
          intents: (known?.intents ?? 0) + 1,
          intendedAt: 0,
          ...unconcluded,
        })
        return
      }
      case 'record_effect': {
        const { kind } = command.outcome
        const value = command.outcome.kind === 'applied' ? command.outcome.value : null
        this.#concluded(command.effectKey, kind, value)
        return
      }
      case 'reconcile_effect':
        this.#concluded(command.effectKey, command.happened ? 'applied' : 'not_applied', command.value)
        return
      default:
        return
    }
  }

  #concluded(effectKey: string, state: Effect['state'], value: string | null): void {
    const known = this.#effects.get(effectKey)
    if (known !== undefined) this.#effects.set(effectKey, { ...known, state, value })
  }
}

const unconcluded = { concludedAt: null, value: null, errorClass: null, error: null } as const
