import { type AnyAction, retryPolicyOf, type StepDefinition } from '../action/action.ts'
import type { Claimed } from '../commit/order.ts'
import {
  Canceled,
  type Classified,
  classify,
  failureOf,
  JournalMismatch,
  TimeoutError,
  UnknownOutcome,
} from '../errors/failures.ts'
import type { Plan, PlanStep } from '../execution/plan.ts'
import { fallbackScopeOf, scopeOf } from '../execution/plan.ts'
import { aggregate } from '../execution/plan-result.ts'
import { type AsksPeople, type RunOutcome, resultBytesMax } from '../execution/run-outcome.ts'
import { seededRandom } from '../identity/random.ts'
import { backoffMs, type RetryPolicy } from '../time/backoff.ts'
import { conclude } from './conclude.ts'
import { createContext } from './context.ts'
import { decoded } from './decoding.ts'
import { Places } from './places.ts'
import type { RunPorts } from './prepare.ts'
import { recorded } from './recorded-value.ts'
import { Running } from './running.ts'
import type { Unlocked } from './secrets.ts'
import { keysOf, StepLocks } from './step-locks.ts'
import { TargetRecord } from './target-record.ts'

export interface PlanRun {
  readonly claimed: Claimed
  readonly plan: Plan
  readonly targets: readonly PlanStep[]
  readonly action: AnyAction
  readonly input: unknown
  readonly unlocked: Unlocked
  readonly ports: RunPorts
  readonly retry: RetryPolicy
}

/**
 * Carries out a plan, target by target, as far as it has not been carried out yet.
 *
 * @throws Undecodable before anything is done when the plan or its records cannot be read.
 */
export async function runTargets(run: PlanRun): Promise<RunOutcome> {
  const { steps } = run.action
  const missing = run.targets.find(({ step }) => steps?.[step] === undefined)
  if (steps === undefined || missing !== undefined) {
    const what = missing === undefined ? 'no steps' : `no step ${missing.step}`
    return threw(new JournalMismatch(`The plan cannot be carried out: its action has ${what} here.`))
  }
  // A plan is read as a whole before anything of it is done: half of one is not what was approved.
  for (const target of run.targets) {
    decoded(argsOf(target), target.args)
    decoded(`The recorded value of ${scopeOf(target)}`, target.value)
  }
  return await new Targets(run, steps).run()
}

const argsOf = (target: PlanStep): string => `What the plan says to ${scopeOf(target)}`

type Steps = NonNullable<AnyAction['steps']>

/** Targets of one run whose place is another's while they stand in line for a lock; any more wait in their place. */
const inLineMax = 100

/** What is done to one target: by its step, or by the fallback of that. */
interface Doing {
  readonly step: StepDefinition
  readonly target: PlanStep
  readonly scope: string
  /** What its own step failed with, when this is the fallback. */
  readonly instead?: { readonly errorClass: string; readonly error: string }
}

interface Failed {
  readonly failure: Classified
  readonly tries: number
}

class Targets {
  readonly #run: PlanRun
  readonly #steps: Steps
  /** Every target as it is by now, by its place. */
  readonly #now: PlanStep[]
  readonly #own: Running
  readonly #locks: StepLocks
  /** As many run at a time as the plan says; who stands in line for a lock leaves its place to others. */
  readonly #places: Places
  #inLine = 0
  /** Targets whose step sleeps for longer. Each keeps its place, so that no more are under way than the plan says. */
  readonly #sleeping = new Set<number>()
  /** When the first of them goes on. */
  #wakeAt: number | null = null
  /** The run ends: nobody waits for anything any more. */
  readonly #ended = new AbortController()
  /** Whatever has not begun will not. */
  readonly #stopped = new AbortController()
  /** Why the whole run ends here; of several reasons the gravest. */
  #end: RunOutcome | undefined
  /** Why nothing more begins until people agree. */
  #asks: AsksPeople | undefined
  /** A target failed whose step says stop. */
  #stops = false

  constructor(run: PlanRun, steps: Steps) {
    const { claimed, ports, unlocked, targets, plan } = run
    this.#run = run
    this.#steps = steps
    this.#now = [...targets]
    this.#own = new Running(claimed, ports.work, ports.abort, unlocked.mask)
    this.#locks = new StepLocks(this.#own, ports.clock, ports.bell)
    this.#places = new Places(plan.parallel)
    this.#stops = targets.some(({ state, step }) => state === 'failed' && this.#isStop(step))
  }

  async run(): Promise<RunOutcome> {
    const { plan } = this.#run
    // What was under way when the last claim ended comes first: its effects may be in doubt.
    const underWay = this.#now.filter(({ state }) => state === 'running')
    const pending = this.#own.reconcileOnly ? [] : this.#now.filter(({ state }) => state === 'pending')
    const todo = [...underWay, ...pending]
    const next = (): PlanStep | undefined => {
      if (this.#end !== undefined || this.#run.ports.abort.signal.aborted) return undefined
      if ((this.#stops || this.#asks !== undefined) && todo[0]?.state === 'pending') return undefined
      if (this.#sleeping.size >= plan.parallel) return undefined
      return todo.shift()
    }
    const begun: Promise<void>[] = []
    try {
      for (;;) {
        await this.#places.take()
        const target = next()
        if (target === undefined) break
        begun.push(this.#inPlace(target))
      }
      // For whoever stands in line.
      this.#places.give()
      await Promise.all(begun)
      if (this.#end === undefined && this.#run.ports.abort.signal.aborted) this.#ends(conclude(this.#own, nothing))
      if (this.#end === undefined && this.#own.reconcileOnly) return { kind: 'reconciled' }
      if (this.#end === undefined && this.#stops) await this.#skipRest()
    } catch (thrown) {
      this.#ends(conclude(this.#own, { thrown }))
    }
    if (this.#end !== undefined) return this.#end
    if (this.#sleeping.size > 0) return { kind: 'suspended', wakeAt: this.#wakeAt, awaits: [] }
    if (this.#asks !== undefined) return { kind: 'suspended', wakeAt: null, awaits: [], reason: this.#asks }
    const { text, failure } = aggregate(plan.summary ?? '', this.#now, resultBytesMax)
    return failure === null
      ? { kind: 'returned', value: JSON.parse(text) as unknown }
      : { kind: 'partial', message: failure, result: text }
  }

  #isStop(step: string): boolean {
    const { onFailure = 'stop' } = this.#steps[step] ?? {}
    return typeof onFailure === 'object' ? this.#isStop(onFailure.fallback) : onFailure === 'stop'
  }

  async #inPlace(target: PlanStep): Promise<void> {
    try {
      await this.#one(target)
    } catch (thrown) {
      // The others end by themselves: a lost lease has aborted them, and none begins anything new.
      this.#ends(conclude(this.#own, { thrown }))
    } finally {
      // Once all places are asleep, they are left to whoever stands in line: nothing new begins.
      const { size } = this.#sleeping
      if (!this.#sleeping.has(target.idx) || size >= this.#run.plan.parallel) this.#places.give()
    }
  }

  /** All tries of one target that this claim allows, and what came of it. */
  async #one(target: PlanStep): Promise<void> {
    const step = this.#stepOf(target.step)
    const name = typeof step.onFailure === 'object' ? step.onFailure.fallback : undefined
    let failed: Failed | undefined
    if (target.errorClass === null) {
      failed = await this.#tries({ step, target, scope: scopeOf(target) })
      if (failed === undefined) return
      if (name === undefined) return await this.#settle(target, null, failed.failure, failed.tries)
    } else if (name === undefined)
      throw new JournalMismatch(`${scopeOf(target)} is done by a fallback that is not here.`)
    const { failure, tries } = failed ?? { failure: failureOfRow(target), tries: target.tries }
    const instead = { errorClass: failure.errorClass, error: failure.message }
    const taken: PlanStep = { ...target, ...instead, tries, state: 'running' }
    const fallback = this.#stepOf(name)
    const also = await this.#tries({ step: fallback, target: taken, scope: fallbackScopeOf(target, name), instead })
    if (also === undefined) return
    const message = `${name} instead failed: ${also.failure.message}; before it: ${failure.message}`
    await this.#settle(taken, null, { ...also.failure, message }, also.tries)
  }

  #stepOf(name: string): StepDefinition {
    const step = this.#steps[name]
    if (step === undefined) throw new JournalMismatch(`The action has no step ${name} here.`)
    return step
  }

  /** Tries as often as the policy says. Gives what it failed with for good; undefined when nothing is left to be done. */
  async #tries(doing: Doing): Promise<Failed | undefined> {
    const { step, target, scope } = doing
    const { claimed, action, ports, retry } = this.#run
    const policy = retryPolicyOf({ retry: { ...action.retry, ...step.retry } }, retry)
    const record = new TargetRecord(claimed, scope)
    const chance = seededRandom(`target retry:${claimed.request.publicId}:${scope}`)
    for (let own = 1; ; own += 1) {
      const failure = await this.#once(doing, record, own)
      if (failure === undefined) return undefined
      if (!failure.retryable || own >= policy.maxAttempts) {
        if (!record.isInDoubt) return { failure, tries: target.tries + own }
        // With an effect in doubt the target is not over: the execution goes on as one with such an effect does.
        this.#ends({ kind: 'threw', failure })
        return undefined
      }
      const waitMs = Math.max(backoffMs(policy, own, chance.next()), failure.retryAfterMs ?? 0)
      try {
        await ports.clock.sleep(waitMs, ports.abort.signal)
      } catch {
        return undefined
      }
    }
  }

  /** One try, with what it needs held meanwhile. Gives what it failed with; undefined when there is nothing to try again. */
  async #once(doing: Doing, record: TargetRecord, own: number): Promise<Classified | undefined> {
    const { step, target, instead } = doing
    const tries = target.tries + own
    if (this.#own.reconcileOnly) {
      // Looking at what has begun changes nothing that a lock would keep apart.
      const outcome = await this.#try(doing, record, tries)
      if (outcome.kind === 'unknown_outcome' || outcome.kind === 'lost') this.#ends(outcome)
      return undefined
    }
    let keys: readonly string[] = []
    let failure: Classified | undefined
    try {
      keys = keysOf(step, this.#run.input, target)
      if (!(await this.#hold(target, keys, own > 1 || target.state === 'running'))) return undefined
    } catch (thrown) {
      if (this.#own.halt !== undefined) throw thrown
      failure = classify(thrown)
      failure = { ...failure, message: this.#own.mask(failure.message) }
    }
    try {
      const begin = { type: 'begin_target' as const, fence: this.#own.fence, idx: target.idx, tries, instead }
      if ((await this.#own.send(begin, ['step_not_approved'])) !== undefined) {
        this.#asks ??= 'step_approval'
        return undefined
      }
      return failure ?? (await this.#tryAndSettle(doing, record, tries))
    } finally {
      if (keys.length > 0) await this.#locks.give(target)
    }
  }

  async #tryAndSettle(doing: Doing, record: TargetRecord, tries: number): Promise<Classified | undefined> {
    const { target, scope } = doing
    const outcome = await this.#try(doing, record, tries)
    if (outcome.kind === 'returned' && !record.isInDoubt) {
      const settled = this.#valueOf(outcome.value, scope)
      if (settled.kind === 'threw') await this.#settle(target, null, settled.failure, tries)
      else await this.#settle(target, settled.value, null, tries)
      return undefined
    }
    const failure = this.#failureOf(outcome)
    if (outcome.kind === 'suspended' && outcome.reason !== undefined) this.#asks = outcome.reason
    else if (outcome.kind === 'suspended') this.#sleeps(target, outcome.wakeAt)
    else if (failure === undefined) this.#ends(outcome)
    return failure
  }

  /**
   * Waits until a target holds its locks; its place among those that run is another's meanwhile. Gives false when it is
   * not to begin any more.
   */
  async #hold(target: PlanStep, keys: readonly string[], hasBegun: boolean): Promise<boolean> {
    if (keys.length === 0 || (await this.#locks.take(target, keys)) === 'held') return true
    const stops = [this.#run.ports.abort.signal, this.#ended.signal, ...(hasBegun ? [] : [this.#stopped.signal])]
    const signal = AbortSignal.any(stops)
    const leavesPlace = this.#inLine < inLineMax
    if (leavesPlace) {
      this.#inLine += 1
      this.#places.give()
    }
    try {
      do await this.#locks.turn(target, signal)
      while (!signal.aborted && (await this.#locks.take(target, keys)) === 'in_line')
    } finally {
      if (leavesPlace) {
        this.#inLine -= 1
        await this.#places.take(true)
      }
    }
    if (signal.aborted) await this.#locks.give(target)
    return !signal.aborted
  }

  /** What a try failed with; undefined when the whole run is over. */
  #failureOf(outcome: RunOutcome): Classified | undefined {
    if (outcome.kind === 'returned') {
      return classify(new UnknownOutcome('The step returned while one of its effects was still in doubt.'))
    }
    return outcome.kind === 'threw' && !this.#run.ports.abort.signal.aborted ? outcome.failure : undefined
  }

  async #try({ step, target, scope }: Doing, record: TargetRecord, tries: number): Promise<RunOutcome> {
    const { claimed, ports, unlocked, input } = this.#run
    const abort = new AbortController()
    const whole = ports.abort
    const follow = (): void => abort.abort(whole.signal.reason)
    if (whole.signal.aborted) follow()
    else whole.signal.addEventListener('abort', follow)
    const timer =
      step.timeoutMs === undefined
        ? undefined
        : ports.clock.timer(step.timeoutMs, () =>
            abort.abort(new TimeoutError(`${scope} took longer than ${step.timeoutMs} ms.`)),
          )
    const view = record.claimed(tries, JSON.stringify([claimed.request.seed, scope]))
    const running = new Running(view, record.carrier(ports.work), abort, unlocked.mask, scope, target.idx)
    let end: { readonly value: unknown } | { readonly thrown: unknown }
    try {
      const context = createContext(running, input, unlocked.values, ports)
      const args = decoded<unknown>(argsOf(target), target.args)
      end = { value: await step.run({ ...context, target: target.target, args }) }
    } catch (thrown) {
      end = { thrown }
    }
    await running.finish()
    timer?.cancel()
    whole.signal.removeEventListener('abort', follow)
    const reason: unknown = abort.signal.reason
    // Learnt by this target alone: a wish to cancel is the whole execution's.
    if (reason instanceof Canceled && !whole.signal.aborted) whole.abort(reason)
    return conclude(running, end)
  }

  #valueOf(value: unknown, scope: string): { kind: 'value'; value: string } | { kind: 'threw'; failure: Classified } {
    try {
      return { kind: 'value', value: recorded(value, scope) }
    } catch (thrown) {
      return { kind: 'threw', failure: classify(thrown) }
    }
  }

  async #settle(target: PlanStep, value: string | null, failure: Classified | null, tries: number): Promise<void> {
    const { idx } = target
    const state = failure === null ? 'succeeded' : 'failed'
    const errorClass = failure?.errorClass ?? null
    const error = failure?.message ?? null
    await this.#send({ type: 'settle_target', fence: this.#own.fence, idx, state, value, errorClass, error })
    if (this.#own.halt !== undefined) return
    this.#now[idx] = { ...target, state, value, tries, ...(failure === null ? {} : { errorClass, error }) }
    if (failure !== null && this.#isStop(target.step)) {
      this.#stops = true
      this.#stopped.abort()
    }
  }

  async #skipRest(): Promise<void> {
    if (!this.#now.some(({ state }) => state === 'pending')) return
    await this.#send({ type: 'skip_rest', fence: this.#own.fence })
    for (const target of this.#now)
      if (target.state === 'pending') this.#now[target.idx] = { ...target, state: 'skipped' }
  }

  async #send(command: Parameters<Running['send']>[0]): Promise<void> {
    await this.#own.send(command)
  }

  /** Each waits for its own time: the earliest wakes the whole plan. */
  #sleeps({ idx }: PlanStep, wakeAt: number | null): void {
    this.#sleeping.add(idx)
    const times = [this.#wakeAt, wakeAt].filter((at) => at !== null)
    this.#wakeAt = times.length === 0 ? null : Math.min(...times)
  }

  #ends(outcome: RunOutcome): void {
    this.#ended.abort()
    if (this.#end === undefined || graver.indexOf(outcome.kind) > graver.indexOf(this.#end.kind)) this.#end = outcome
  }
}

const nothing = { thrown: undefined }
/** Of two reasons to end, the later in this list is the one that counts. */
const graver: readonly RunOutcome['kind'][] = [
  'reconciled',
  'threw',
  'stopped',
  'recorded_only',
  'unknown_outcome',
  'lost',
]

/** As an earlier claim has recorded it. */
const failureOfRow = ({ errorClass, error }: PlanStep): Classified =>
  classify(failureOf(errorClass ?? 'UnknownError', error ?? ''))

const threw = (thrown: unknown): RunOutcome => ({ kind: 'threw', failure: classify(thrown) })
