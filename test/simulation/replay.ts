import { type EventType, eventCodes, isTerminal, type State, targets } from '../../src/execution/machine.ts'
import type { Event, LogRow } from '../../src/store/rows.ts'
import type { Report } from './violation.ts'

export interface ReplayedEffect {
  state: string
  intents: number
  fence: number
  target: string
  worker: number
}

/** An execution as its events alone tell it. */
export interface Replayed {
  readonly id: number
  state: State
  n: number
  attempt: number
  fence: number
  head: number
  holder: number | null
  /** Who held the lease when it ended. */
  endedBy: number | null
  cancelAsked: boolean
  reconcileOnly: boolean
  isArchived: boolean
  /** Claimed as a suspect: nothing may run beside it. */
  isAlone: boolean
  steps: number
  /** Whether it has been planned, and whether it must be before it may run. */
  plan: boolean
  readonly isToBePlanned: boolean
  /** Targets of the plan that were begun, by place. */
  readonly targets: Map<number, string>
  signals: number
  readonly effects: Map<string, ReplayedEffect>
  readonly events: { readonly to: State; readonly position: number; readonly type: EventType }[]
}

export interface ReplayPorts {
  readonly report: Report
  /** Whether the process of this worker that began the effect is dead. */
  readonly isGone: (worker: number, effectKey: string) => boolean
  readonly count?: ((name: string) => void) | undefined
}

/** Events that add a step to the journal. */
const journaled: ReadonlySet<EventType> = new Set(['step_recorded', 'artifact_stored', 'child_spawned'])

/** Events that a worker may cause without holding the lease. */
const byAnybody: ReadonlySet<EventType> = new Set(['write_fenced', 'transition_refused'])

/**
 * Replays the log and checks each event against what may follow: the independent reading of the rules. It shares
 * nothing with `decide` but the declaration of the machine.
 */
export class Replay {
  readonly executions = new Map<number, Replayed>()
  readonly #ports: ReplayPorts
  #position = 0

  constructor(ports: ReplayPorts) {
    this.#ports = ports
  }

  takeRow(row: LogRow): void {
    if (row.position !== this.#position + 1) this.#fail('I18', `log position ${row.position} after ${this.#position}`)
    this.#position = row.position
    const { to } = row
    if (to === null) return
    for (const [index, execution] of row.executions.entries()) {
      const data = row.data?.[index] ?? null
      this.#take({ ...row, to, execution, n: row.numbers[index] ?? 0, data }, row.previous[index] ?? -1)
    }
  }

  #fail: Report = (invariant, message) => this.#ports.report(invariant, message)

  #take(event: Event, previous: number): void {
    const known = this.executions.get(event.execution)
    if (known === undefined) {
      this.#begin(event, previous)
      return
    }
    const at = `execution ${event.execution} event ${event.n} ${event.type}`
    if (event.n !== known.n + 1) this.#fail('I17', `${at}: follows event ${known.n}`)
    if (previous !== known.head) this.#fail('I17', `${at}: its previous position is ${previous}, not ${known.head}`)
    if (event.position <= known.head) this.#fail('I17', `${at}: position ${event.position} is not behind ${known.head}`)
    if (event.from !== known.state) this.#fail('I4', `${at}: says from ${event.from}, but the state is ${known.state}`)
    const isTransition = targets(known.state, event.type).includes(event.to)
    if (!isTransition && !(event.to === known.state && eventCodes[event.type] >= 40)) {
      this.#fail(isTerminal(known.state) ? 'I5' : 'I4', `${at}: ${known.state} may not become ${event.to}`)
    }
    this.#ports.count?.(isTransition ? `transition ${known.state} ${event.type} ${event.to}` : `fact ${event.type}`)
    const isTaking = event.type === 'claim' || event.type === 'planning_started'
    if (event.worker !== null && !byAnybody.has(event.type) && !isTaking) {
      const isHeld = known.state === 'running' || known.state === 'requested'
      if (!isHeld || known.holder !== event.worker) {
        this.#fail('I3', `${at}: worker ${event.worker} wrote, but the holder is ${known.holder}`)
      }
    }
    if (known.isArchived !== (event.type === 'restored'))
      this.#fail('I30', `${at}: the execution is ${known.isArchived ? '' : 'not '}archived`)
    if (event.type === 'archived' || event.type === 'restored') known.isArchived = event.type === 'archived'
    if (event.type === 'archived' && !isTerminal(known.state)) this.#fail('I30', `${at}: it has not ended`)
    if (event.type === 'lease_expired' && event.data?.cause === 'crash') this.#ports.count?.('run lost alone')
    this.#ledger(known, event, at)
    this.#plan(known, event, at)
    if (isTransition) this.#move(known, event, at)
    if (event.type === 'cancel_requested') known.cancelAsked = true
    if (journaled.has(event.type)) known.steps += 1
    if (event.type === 'signal_received') known.signals += 1
    known.state = event.to
    known.n = event.n
    known.head = event.position
    known.events.push(event)
  }

  #begin(event: Event, previous: number): void {
    const at = `execution ${event.execution} event ${event.n} ${event.type}`
    if (event.n !== 1 || previous !== 0) this.#fail('I17', `${at}: the first event must be number 1`)
    if (event.from !== null || !targets(null, event.type).includes(event.to)) {
      this.#fail('I4', `${at}: nothing begins as ${event.to}`)
    }
    this.#ports.count?.(`transition none ${event.type} ${event.to}`)
    this.executions.set(event.execution, {
      id: event.execution,
      state: event.to,
      n: 1,
      attempt: 0,
      fence: 0,
      head: event.position,
      holder: null,
      endedBy: null,
      cancelAsked: false,
      reconcileOnly: false,
      isArchived: false,
      isAlone: false,
      steps: 0,
      plan: false,
      isToBePlanned: event.to === 'requested',
      targets: new Map(),
      signals: 0,
      effects: new Map(),
      events: [event],
    })
  }

  #move(known: Replayed, event: Event, at: string): void {
    known.endedBy = isTerminal(event.to) ? known.holder : null
    if (known.state === 'running' || event.to !== 'requested') known.holder = null
    if (event.type === 'claim') {
      const fence = Math.max(known.fence + 1, event.position)
      if (fence <= known.fence) this.#fail('I2', `${at}: fence ${fence} does not exceed ${known.fence}`)
      const reconcileOnly = event.data?.reconcileOnly === true
      const isSpent = known.state === 'retryable_failed' && !reconcileOnly
      known.attempt = known.state === 'queued' ? Math.max(1, known.attempt) : known.attempt + (isSpent ? 1 : 0)
      if ((event.data?.attempt ?? 1) !== known.attempt) {
        this.#fail('I19', `${at}: records attempt ${event.data?.attempt}, counted ${known.attempt}`)
      }
      known.fence = fence
      known.holder = event.worker
      known.reconcileOnly = reconcileOnly
      known.isAlone = event.data?.alone === true
    }
    if (event.type === 'redrive') {
      known.attempt = 0
      known.cancelAsked = false
    }
    if (event.data?.refunded === true) known.attempt -= 1
    if (event.to === 'canceled') known.cancelAsked = true
    if (isTerminal(event.to)) {
      for (const [key, effect] of known.effects) {
        if (effect.state === 'intended' || effect.state === 'in_doubt') {
          this.#fail('I10', `${at}: ${event.to} while effect ${key.slice(0, 8)} is ${effect.state}`)
        }
      }
    }
  }

  /** Planning is leased; a plan is made once, approved by policy, and carried out target by target. */
  #plan(known: Replayed, event: Event, at: string): void {
    switch (event.type) {
      case 'planning_started': {
        const fence = Math.max(known.fence + 1, event.position)
        if (known.state !== 'requested' || known.holder !== null) this.#fail('I3', `${at}: it is planned already`)
        known.fence = fence
        known.holder = event.worker
        known.attempt += 1
        return
      }
      case 'planned':
        if (known.plan) this.#fail('plans', `${at}: planned a second time`)
        known.plan = true
        known.attempt = 0
        return
      case 'hand_back':
        if (known.state === 'requested') known.attempt -= 1
        break
      case 'claim':
        if (known.isToBePlanned && !known.plan) this.#fail('plans', `${at}: runs without its plan`)
        return
      case 'step_started': {
        const idx = Number(event.data?.idx)
        const target = known.targets.get(idx)
        if (!known.plan) this.#fail('plans', `${at}: a target without a plan`)
        if (target === 'succeeded' || target === 'failed' || target === 'skipped') {
          this.#fail('plans', `${at}: target ${idx} begins again and is ${target}`)
        }
        if (known.cancelAsked) this.#fail('I13', `${at}: a target begins after the wish to cancel`)
        known.targets.set(idx, 'running')
        return
      }
      case 'target_settled': {
        const state = String(event.data?.state)
        const idx = event.data?.idx
        if (typeof idx !== 'number') return
        if (known.targets.get(idx) !== 'running') this.#fail('plans', `${at}: target ${idx} ends and was not begun`)
        known.targets.set(idx, state)
        return
      }
      case 'redrive':
        for (const [idx, state] of known.targets) if (state === 'failed') known.targets.delete(idx)
        return
      default:
        break
    }
    const gaveBack = event.type === 'hand_back' || event.type === 'lease_expired' || event.type === 'fail_retryable'
    if (known.state === 'requested' && event.to === 'requested' && gaveBack) known.holder = null
  }

  #ledger(known: Replayed, event: Event, at: string): void {
    const key = event.data?.effectKey
    if (typeof key !== 'string' || !event.type.startsWith('effect_')) return
    const effect = known.effects.get(key)
    const isOpen = effect?.state === 'intended' || effect?.state === 'in_doubt'
    const outcome = String(event.data?.outcome)
    switch (event.type) {
      case 'effect_intended': {
        const target = String(event.data?.target)
        if (known.cancelAsked) this.#fail('I13', `${at}: an intent after the wish to cancel`)
        if (known.reconcileOnly) this.#fail('I13', `${at}: an intent in a claim for reconciliation only`)
        if (effect !== undefined && !isOpen && effect.state !== 'not_applied')
          this.#fail('I8', `${at}: the effect is ${effect.state}`)
        if (isOpen && target === 'opaque') this.#fail('effects', `${at}: an opaque effect in doubt is called again`)
        if (isOpen !== (event.data?.replay === true)) this.#fail('I8', `${at}: replay is not said`)
        const intents = (effect?.intents ?? 0) + 1
        const worker = event.worker ?? -1
        known.effects.set(key, { state: 'intended', intents, fence: known.fence, target, worker })
        return
      }
      case 'effect_recorded':
      case 'effect_in_doubt':
        if (effect?.state !== 'intended') this.#fail('I8', `${at}: the effect is ${effect?.state}, not intended`)
        if (effect !== undefined) effect.state = event.type === 'effect_in_doubt' ? 'in_doubt' : outcome
        return
      case 'effect_reconciled':
        if (!isOpen) this.#fail('I8', `${at}: the effect is ${effect?.state}, not open`)
        if (event.worker !== null && outcome === 'not_applied' && effect?.target === 'opaque') {
          if (!this.#ports.isGone(effect.worker, key)) {
            this.#fail('effects', `${at}: a "no" was believed while worker ${effect.worker} may still act`)
          }
        }
        if (effect !== undefined) effect.state = outcome
        return
      default:
        return
    }
  }
}
