/** The engine's side of a history: its pure rules alone, or its writer on a store. */

import type { StoreHost } from '../../src/commit/host.ts'
import type { Admission, Claimed } from '../../src/commit/order.ts'
import { RightsBook } from '../../src/commit/rights/rights.ts'
import { isRefusal, orThrow } from '../../src/errors/refusal.ts'
import type { Gate, Vote } from '../../src/execution/approval.ts'
import type { ControlCommand, WorkerCommand } from '../../src/execution/command.ts'
import { decide } from '../../src/execution/decide.ts'
import { closedGate } from '../../src/execution/decide-gates.ts'
import { decideRightLost } from '../../src/execution/decide-right-lost.ts'
import { decideVoteLost, rightsPrincipal, standsOnVotes, votingOf } from '../../src/execution/decide-vote-lost.ts'
import type { Decision, Surroundings } from '../../src/execution/decision.ts'
import { type Effect, type Execution, isDueWork, type Request } from '../../src/execution/execution.ts'
import { isTerminal } from '../../src/execution/machine.ts'
import type { Plan, PlanStep } from '../../src/execution/plan.ts'
import type { WantedChange } from '../../src/rights/decide-change.ts'
import { Rights } from '../../src/rights/rights.ts'
import { asVoter } from '../../src/rights/voter.ts'
import type { VirtualClock } from '../../src/time/virtual-clock.ts'
import { admission } from '../orders.ts'
import { admin } from './seats.ts'

export type Op =
  | { readonly kind: 'command'; readonly who: string; readonly command: ControlCommand }
  | { readonly kind: 'work'; readonly command: WorkerCommand }
  | {
      readonly kind: 'rights'
      readonly wanted: WantedChange
      /** Told the name of the grant that it made. */
      readonly granted?: (version: number) => void
    }

export interface Row {
  readonly state: string
  readonly waitingFor: string | null
  readonly gate: Gate
  readonly fence: number
}

export interface Driver {
  /** Given together; each is answered with the code of its refusal, or null. */
  give(ops: readonly Op[]): Promise<readonly (string | null)[]>
  /** Claims the execution if it may run or be planned; gives the fence. */
  claim(): Promise<number | null>
  /** The process of whoever holds it is gone. */
  crash(): Promise<void>
  /** Lets the rules do what they do by themselves. */
  policy(): Promise<void>
  advance(ms: number): Promise<void>
  row(): Promise<Row>
}

export const admissionOf = (gate: Gate, isPlanned: boolean, tenant = 'acme'): Admission =>
  admission({
    tenant,
    action: 'a',
    requestedBy: 'human:ada',
    maxAttempts: 1_000_000,
    gate,
    ...(isPlanned ? { isPlanned } : {}),
  })

/** The rules without any store: what they decide is folded into rows in memory. */
export class CoreDriver implements Driver {
  #now = 1_000
  #execution: Execution
  readonly #request: Request
  #plan: Plan | null
  readonly #effects = new Map<string, Effect>()
  readonly #votes = new Map<number, Vote>()
  #targets = new Map<number, PlanStep>()
  #rights = Rights.none

  constructor(execution: Execution, request: Request, plan: Plan | null) {
    this.#execution = { ...execution, availableAt: this.#now }
    this.#request = request
    this.#plan = plan
  }

  async give(ops: readonly Op[]): Promise<readonly (string | null)[]> {
    return ops.map((op) => {
      if (op.kind === 'rights') return this.#change(op)
      return op.kind === 'command' ? this.#command(op.command, op.who) : this.#command(op.command, 'worker:w')
    })
  }

  #change({ wanted, granted }: Extract<Op, { kind: 'rights' }>): string | null {
    const book = new RightsBook(this.#rights, this.#now)
    const by = { tenant: this.#request.tenant, principal: admin, role: 'admin' }
    const answer = book.change({ kind: 'rights', wanted, by, reason: 'r' })
    this.#rights = book.current
    if (isRefusal(answer)) return answer.code
    granted?.(answer.version)
    return null
  }

  #command(given: ControlCommand | WorkerCommand, principal: string): string | null {
    const command = given.type === 'approve' ? this.#votedBy(given, principal) : given
    if (command === null) return 'not_permitted'
    if (standsOnVotes.has(command.type)) this.#withoutLostVotes(command)
    const answer = decide(this.#execution, command, this.#around(principal, command))
    if (isRefusal(answer)) return answer.code
    this.#apply(answer)
    return answer.refused?.code ?? null
  }

  #votedBy(vote: Extract<ControlCommand, { type: 'approve' }>, principal: string) {
    const { gate } = this.#execution
    if (gate === null) return vote
    const voting = votingOf(gate.rules, this.#request, principal, this.#now)
    const groups = asVoter(this.#rights, voting, vote.groups)
    return isRefusal(groups) ? null : { ...vote, groups }
  }

  #withoutLostVotes(command: ControlCommand | WorkerCommand | null): void {
    for (;;) {
      const lost = decideVoteLost(this.#execution, command, this.#rights, this.#around(rightsPrincipal))
      if (lost === null) return
      this.#apply(lost)
    }
  }

  async claim(): Promise<number | null> {
    if (!isDueWork(this.#execution) || this.#execution.availableAt > this.#now) return null
    const right = new RightsBook(this.#rights, this.#now).ofRequester(this.#request)
    if (isRefusal(right)) {
      this.#apply(decideRightLost(this.#execution, right, this.#now))
      if (isTerminal(this.#execution.state)) return null
    }
    const { state, ending, openEffects } = this.#execution
    if ((state === 'queued' || state === 'retryable_failed') && ending === null && openEffects === 0) {
      this.#withoutLostVotes(null)
      if (this.#execution.state !== state) return null
    }
    const closed = closedGate(this.#execution, this.#around('system:policy'))
    if (closed !== null) {
      this.#apply(closed)
      return null
    }
    this.#command({ type: 'claim', worker: 1, leaseMs: 1_000_000 }, 'worker:w')
    return this.#execution.fence
  }

  async crash(): Promise<void> {
    this.#command({ type: 'lease_expired', cause: 'exit', poisonLosses: 1_000_000 }, 'system:recovery')
  }

  async policy(): Promise<void> {
    const { gate } = this.#execution
    if (gate?.isDue !== true) return
    this.#command({ type: 'resume' }, 'system:policy')
    const after = this.#execution.gate
    if (after?.isDue === true) this.#execution = { ...this.#execution, gate: { ...after, isDue: false } }
  }

  async advance(ms: number): Promise<void> {
    this.#now += ms
  }

  async row(): Promise<Row> {
    const { state, waitingFor, gate, fence } = this.#execution
    if (gate === null) throw new Error('the gate is gone')
    return { state, waitingFor, gate, fence }
  }

  #around(principal: string, command?: ControlCommand | WorkerCommand): Surroundings {
    const begins = command?.type === 'intend_effect' || command?.type === 'begin_target'
    return {
      requester: begins ? new RightsBook(this.#rights, this.#now).ofRequester(this.#request) : null,
      now: this.#now,
      principal,
      effects: [...this.#effects.values()],
      stepRecorded: false,
      fingerprint: null,
      isGone: () => true,
      request: this.#request,
      plan: this.#plan,
      targets: this.#targets,
      votes: [...this.#votes.values()],
    }
  }

  #apply(decision: Decision): void {
    for (const { type, to, set } of decision.facts) {
      const { n, fence } = this.#execution
      const claims = type === 'claim' || type === 'planning_started'
      this.#execution = { ...this.#execution, ...set, state: to, n: n + 1, fence: claims ? fence + 1 : fence }
    }
    if (decision.quiet !== undefined) this.#execution = { ...this.#execution, ...decision.quiet }
    for (const effect of decision.effects ?? []) this.#effects.set(effect.effectKey, effect)
    for (const vote of decision.votes ?? []) this.#votes.set(vote.seq, vote)
    if (decision.plan !== undefined) {
      this.#plan = decision.plan
      this.#targets = new Map()
    }
    for (const step of decision.planSteps ?? []) this.#targets.set(step.idx, step)
  }
}

/** The writer of a real store; one execution at a time. */
export class StoreDriver implements Driver {
  readonly #host: StoreHost
  readonly #clock: VirtualClock
  #worker = 0
  #incarnations = 0
  #id = 0
  #tenant = ''
  readonly #name: string

  constructor(host: StoreHost, clock: VirtualClock, name: string) {
    this.#host = host
    this.#clock = clock
    this.#name = name
  }

  async begin(admission: Admission): Promise<void> {
    await this.#register()
    this.#tenant = admission.tenant
    const answer = orThrow(await this.#host.orders.give<'admit'>({ kind: 'admit', admission }))
    if (!answer.replayed) this.#id = answer.born.id
  }

  /** Leaves nothing behind that the next history's worker could be given. */
  async end(): Promise<void> {
    const cancel = { kind: 'command' as const, id: this.#id, tenant: null, principal: 'human:end' }
    await this.#host.orders.give({ ...cancel, command: { type: 'cancel', reason: null } })
    await this.#gone()
  }

  async #register(): Promise<void> {
    const incarnation = `${this.#name}.${++this.#incarnations}`
    const hello = {
      identity: this.#name,
      incarnation,
      host: 'h',
      pid: 1,
      startedTicks: null,
      bootId: null,
      slots: 9,
      isolates: true,
    }
    const actions = [{ action: 'a', version: 1 }]
    const answer = await this.#host.orders.give<'register'>({ kind: 'register', hello: { ...hello, actions } })
    this.#worker = orThrow(answer).worker
  }

  give(ops: readonly Op[]): Promise<readonly (string | null)[]> {
    return Promise.all(
      ops.map(async (op) => {
        if (op.kind === 'rights') return await this.#change(op)
        const answer =
          op.kind === 'command'
            ? await this.#host.orders.give<'command'>({
                kind: 'command',
                id: this.#id,
                tenant: this.#tenant,
                command: op.command,
                principal: op.who,
              })
            : await this.#host.orders.give<'work'>({
                kind: 'work',
                worker: this.#worker,
                id: this.#id,
                command: op.command.type === 'intend_effect' ? { ...op.command, worker: this.#worker } : op.command,
              })
        return isRefusal(answer) ? answer.code : null
      }),
    )
  }

  async #change({ wanted, granted }: Extract<Op, { kind: 'rights' }>): Promise<string | null> {
    const by = { tenant: this.#tenant, principal: admin, role: 'admin' }
    const answer = await this.#host.orders.give<'rights'>({ kind: 'rights', wanted, by, reason: 'r' })
    if (isRefusal(answer)) return answer.code
    granted?.(answer.version)
    return null
  }

  async claim(): Promise<number | null> {
    const ask = { kind: 'claim' as const, worker: this.#worker, limit: 1_000, leaseMs: 80_000_000, waitMs: 0 }
    // Suspects are claimed apart; what a history before this one has left in doubt comes along.
    const answer: readonly Claimed[] = orThrow(await this.#host.orders.give<'claim'>({ ...ask, alone: 1_000 }))
    const mine = answer.find(({ execution }) => execution.id === this.#id)
    return mine?.execution.fence ?? null
  }

  async crash(): Promise<void> {
    await this.#gone()
    await this.#register()
  }

  async #gone(): Promise<void> {
    const gone = { kind: 'gone' as const, worker: this.#worker, proof: 'test', cause: 'exit' as const }
    await this.#host.orders.give({ ...gone, poisonLosses: 1_000_000 })
  }

  async policy(): Promise<void> {
    // A commit of its own: what is due by now rings in it.
    await this.#host.orders.give({ kind: 'sweep' })
  }

  async advance(ms: number): Promise<void> {
    await this.#clock.advance(ms)
  }

  async row(): Promise<Row> {
    const found = await this.#host.views.find(this.#id)
    const gate = found?.execution.gate ?? null
    if (found === null || gate === null) throw new Error('the execution or its gate is gone')
    const { state, waitingFor, fence } = found.execution
    return { state, waitingFor, gate, fence }
  }
}
