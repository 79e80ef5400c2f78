import type { EffectContext, EffectTarget } from '../../src/action/action.ts'
import { NetworkError, NotApplied, TerminalError, TimeoutError, ValidationError } from '../../src/errors/failures.ts'
import type { Dice } from './dice.ts'
import type { Faults } from './faults.ts'
import type { ReplayedEffect } from './replay.ts'
import type { Scheduler } from './scheduler.ts'
import type { Report } from './violation.ts'

export interface OutsideCall {
  readonly execution: string
  readonly name: string
  readonly target: EffectTarget
  readonly recordOnly: boolean
  readonly context: EffectContext
}

interface Arrived extends OutsideCall {
  readonly owner: string
  readonly startedAs: number
  wasDead: boolean
}

export interface OutsidePorts {
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly dice: Dice
  readonly report: Report
  readonly isDead: (owner: string) => boolean
  /** The committed ledger row of an effect, as the log tells it. */
  readonly ledger: (execution: string, effectKey: string) => ReplayedEffect | undefined
  /** Whether this fence still holds the lease. */
  readonly holds: (execution: string, fence: number) => boolean
}

/**
 * The world that effects change: it records every call that was made and every one that arrived, perhaps long after
 * its worker died. A keyed target honours the key, a fenced one compares the fence, an opaque one does neither.
 */
export class Outside {
  readonly #ports: OutsidePorts
  readonly #applied = new Map<string, Arrived[]>()
  readonly #keys = new Map<string, string>()
  readonly #fences = new Map<string, number>()
  readonly #intents = new Set<string>()
  readonly #underWay = new Map<string, number>()
  #calls = 0

  constructor(ports: OutsidePorts) {
    this.#ports = ports
  }

  /** Performs the call for the process `owner`: what it hears may be less than what happened. */
  call(owner: string, call: OutsideCall): Promise<string> {
    const { scheduler, faults, dice } = this.#ports
    this.#checkIntent(call)
    const made: Arrived = { ...call, owner, startedAs: this.#calls++, wasDead: false }
    const place = placeOf(call)
    return new Promise<string>((resolve, reject) => {
      const hear = (label: string, then: () => void): void =>
        scheduler.post(owner, `hears: ${call.name} ${label}`, then)
      const arrive = (then: (refusal: Error | null) => void): void => {
        this.#underWay.set(place, (this.#underWay.get(place) ?? 0) + 1)
        const late = (): void => {
          this.#underWay.set(place, (this.#underWay.get(place) ?? 1) - 1)
          then(this.#apply(made))
        }
        scheduler.post('network', `${call.name} arrives from ${owner}`, late)
      }
      const answer = (refusal: Error | null): void =>
        hear('answered', () => (refusal === null ? resolve(resultOf(call)) : reject(refusal)))
      if (faults.strikes('target is never reached', 0.03)) {
        return hear('never sent', () => reject(new NotApplied('the connection was refused')))
      }
      if (faults.strikes('target call is lost', 0.03)) {
        return hear('lost', () => reject(new NetworkError('the call was lost')))
      }
      if (faults.strikes('target reply is lost', 0.05)) {
        return arrive(() => hear('reply lost', () => reject(new NetworkError('the reply was lost'))))
      }
      if (faults.strikes('target refuses', 0.02)) {
        return hear('refused', () => reject(new ValidationError('the target refused the call')))
      }
      if (faults.strikes('target does not answer', 0.02)) {
        const { signal } = call.context
        return signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      }
      if (faults.strikes('target call arrives late', 0.04)) {
        this.#underWay.set(place, (this.#underWay.get(place) ?? 0) + 1)
        scheduler.after('network', dice.between(1_000, 120_000), `${call.name} arrives late from ${owner}`, () => {
          this.#underWay.set(place, (this.#underWay.get(place) ?? 1) - 1)
          this.#apply(made)
        })
        return hear('timed out', () => reject(new TimeoutError('no answer in time')))
      }
      arrive(answer)
    })
  }

  /** Looks whether it happened. */
  look(owner: string, call: OutsideCall): Promise<string | null> {
    const { scheduler, faults } = this.#ports
    return new Promise((resolve, reject) => {
      scheduler.post('network', `look at ${call.name} from ${owner}`, () => {
        const found = this.happened(call) ? resultOf(call) : null
        const fails = faults.strikes('look at the target fails', 0.08)
        scheduler.post(owner, `hears: look at ${call.name}`, () =>
          fails ? reject(new NetworkError('the look failed')) : resolve(found),
        )
      })
    })
  }

  happened(call: Pick<OutsideCall, 'execution' | 'name'>): boolean {
    return (this.#applied.get(placeOf(call))?.length ?? 0) > 0
  }

  isUnderWay(call: Pick<OutsideCall, 'execution' | 'name'>): boolean {
    return (this.#underWay.get(placeOf(call)) ?? 0) > 0
  }

  /** Every call has its own intent, committed before it under the very fence that the call carries. */
  #checkIntent({ execution, name, recordOnly, context }: OutsideCall): void {
    const { report, ledger, holds } = this.#ports
    const row = ledger(execution, context.effectKey)
    const at = `effect ${name} of ${execution.slice(0, 8)} under fence ${context.fence}`
    if (recordOnly) report('effects', `${at} is performed although the execution is record-only`)
    if (row === undefined) {
      report('I9', `${at} is called without an intent on record`)
      return
    }
    // A worker that was overtaken may call once more: its own intent came first, and only the target can stop it.
    if (holds(execution, context.fence) && (row.fence !== context.fence || row.state !== 'intended')) {
      report('I9', `${at} is called while the ledger says ${row.state} under fence ${row.fence}`)
    }
    if (row.fence < context.fence) report('I9', `${at} is called, but the newest intent is under fence ${row.fence}`)
    const intent = `${context.effectKey} ${context.fence} ${row.intents}`
    if (this.#intents.has(intent)) report('effects', `${at} is called twice under one intent`)
    this.#intents.add(intent)
  }

  #apply(call: Arrived): Error | null {
    const { isDead, faults, report } = this.#ports
    const place = placeOf(call)
    call.wasDead = isDead(call.owner)
    if (call.wasDead) faults.note('target call arrives after its process died')
    const applied = this.#applied.get(place) ?? []
    const at = `effect ${call.name} of ${call.execution.slice(0, 8)}`
    switch (call.target) {
      case 'keyed': {
        const key = this.#keys.get(place)
        if (key !== undefined && key !== call.context.effectKey) report('effects', `${at} came under two keys`)
        if (key !== undefined) return null
        this.#keys.set(place, call.context.effectKey)
        break
      }
      case 'fenced': {
        const newest = this.#fences.get(place) ?? 0
        if (call.context.fence < newest) return new TerminalError('the fence is older than the newest one')
        this.#fences.set(place, call.context.fence)
        break
      }
      case 'opaque': {
        const earlier = applied.find((one) => one.startedAs < call.startedAs && !one.wasDead)
        if (earlier !== undefined) report('effects', `${at}: an opaque target was changed twice`)
        break
      }
    }
    applied.push(call)
    this.#applied.set(place, applied)
    return null
  }
}

const placeOf = ({ execution, name }: Pick<OutsideCall, 'execution' | 'name'>): string => `${execution} ${name}`
const resultOf = ({ name }: OutsideCall): string => `did ${name}`
