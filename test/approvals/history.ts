/** One random history of one execution, told to the engine and to the oracle at once. */

import type { WorkerCommand } from '../../src/execution/command.ts'
import { seededRandom } from '../../src/identity/random.ts'
import type { Driver, Op } from './drivers.ts'
import { Oracle, type Rules } from './oracle.ts'
import { SaidByPeople } from './said-by-people.ts'
import { digest, type Reached } from './setting.ts'

export class Difference extends Error {}

type Phase = 'begin' | 'intend' | 'apply' | 'settle' | 'finish'

export class History {
  readonly #random: ReturnType<typeof seededRandom>
  readonly #oracle: Oracle
  readonly #driver: Driver
  readonly #reached: Reached
  readonly #told: string[] = []
  readonly #hashes = new Map<number, string>()
  /** What a planner would find now. */
  #world = 0
  #fence: number | null = null
  #oldFence = 0
  #phase: Phase = 'begin'
  #tries = 0
  /** The effect of the step that is next is on record: a later claim does not ask for it again. */
  #isApplied = false
  #isPlanning = false
  /** The oracle says no more than what may begin. */
  #isLoose = false
  readonly #said: SaidByPeople

  constructor(seed: string, rules: Rules, driver: Driver, reached: Reached) {
    this.#random = seededRandom(`history ${seed}`)
    this.#oracle = new Oracle(rules)
    this.#driver = driver
    this.#reached = reached
    this.#said = new SaidByPeople({
      random: this.#random,
      oracle: this.#oracle,
      reached,
      hashes: this.#hashes,
      // In every other history nobody's rights are ever changed.
      hasRights: this.#random.int(2) === 0,
      isCalled: () => this.#phase === 'apply',
      loosen: () => {
        this.#isLoose = true
      },
    })
    if (!rules.isPlanned) this.#hashes.set(0, digest)
  }

  async play(turns: number): Promise<void> {
    for (let turn = 0; turn < turns && !this.#oracle.isOver && !this.#isLoose; turn += 1) {
      const dice = this.#random.int(100)
      if (dice < 40) await this.#people()
      else if (dice < 82) await this.#worker()
      else if (dice < 86) await this.#crash()
      else if (dice < 90) this.#world = this.#random.int(2)
      else await this.#pass(1 + this.#random.int(25))
      await this.#settle()
    }
    // Whatever comes after the end is refused, or changes nothing.
    if (this.#oracle.isOver && !this.#isLoose) {
      await this.#people()
      await this.#settle()
    }
    if (this.#oracle.place === 'succeeded') this.#reached.note('succeeded')
  }

  async #pass(ms: number): Promise<void> {
    await this.#driver.advance(ms)
    this.#oracle.now += ms
    this.#told.push(`pass ${ms}`)
  }

  /** One to three commands of people, given at the same moment. */
  async #people(): Promise<void> {
    const many = 1 + this.#random.int(3)
    const ops: { op: Op; expected: () => boolean }[] = []
    for (let each = 0; each < many; each += 1) ops.push(this.#said.next())
    const answers = await this.#driver.give(ops.map(({ op }) => op))
    for (const [index, { op, expected }] of ops.entries()) {
      const code = answers[index] ?? null
      const accepts = expected()
      this.#told.push(`${JSON.stringify(op)} → ${code ?? 'done'}`)
      if (this.#isLoose) return
      this.#compare(accepts, code)
    }
  }

  async #worker(): Promise<void> {
    const oracle = this.#oracle
    if (this.#oldFence > 0 && this.#fence === null && this.#random.int(4) === 0) await this.#stale()
    if (this.#isPlanning) return await this.#planned()
    if (this.#fence !== null && oracle.place !== 'running') {
      // What it held was taken from it; it learns that with its next word.
      this.#oldFence = this.#fence
      this.#fence = null
      return await this.#stale()
    }
    if (this.#fence === null) {
      // Most of the time that people need there is nothing to claim.
      if (oracle.isClaimable || this.#random.int(4) === 0) await this.#claim()
      return
    }
    await this.#goOn()
  }

  async #stale(): Promise<void> {
    if (this.#oldFence === 0) return
    this.#reached.note('wrote under an old fence')
    const code = await this.#work(this.#intent(this.#oldFence))
    if (code !== 'lease_lost' && code !== 'worker_unknown') this.#differs('an old fence may write')
  }

  async #claim(): Promise<void> {
    const oracle = this.#oracle
    const isToPlan = oracle.isToPlan
    if (!oracle.maySubmit && oracle.isClaimable) {
      return await this.#claimWithoutRight()
    }
    const lostBefore = oracle.lostVotes
    const expected = isToPlan || oracle.claim()
    if (oracle.lostVotes > lostBefore) this.#reached.note('claimed on the vote of somebody who lost the right')
    const wasStale = !isToPlan && oracle.isToPlan
    const fence = await this.#driver.claim()
    this.#told.push(`claim → ${fence}`)
    if ((fence !== null) !== expected) this.#differs(`the oracle says ${expected ? 'claimable' : 'nothing to claim'}`)
    if (wasStale) {
      this.#reached.note('claimed with a stale plan')
      await this.#pass(1)
    }
    if (fence === null) return
    this.#fence = fence
    this.#isPlanning = isToPlan
    this.#phase = oracle.rules.isPlanned ? 'begin' : this.#isApplied ? 'finish' : 'intend'
    if (oracle.done === oracle.rules.steps) this.#phase = 'finish'
  }

  /** Whoever asked may not have it any more: it ends, but for an effect in doubt, which is looked at first. */
  async #claimWithoutRight(): Promise<void> {
    const oracle = this.#oracle
    this.#reached.note('claimed without the right to ask')
    if (oracle.isOpen) this.#isLoose = true
    else oracle.place = 'failed'
    const fence = await this.#driver.claim()
    this.#told.push(`claim without the right → ${fence}`)
    if (!this.#isLoose && fence !== null) this.#differs('it is claimed in the name of somebody without the right')
  }

  async #planned(): Promise<void> {
    const oracle = this.#oracle
    this.#isPlanning = false
    if (this.#fence === null) return
    const steps = Array.from({ length: oracle.rules.steps }, (_, idx) => ({
      step: 'go',
      target: `${this.#world}-${idx}`,
      args: '{}',
      effects: ['do'],
    }))
    const code = await this.#work({
      type: 'planned',
      fence: this.#fence,
      summary: 's',
      reads: '[]',
      parallel: 1,
      ordered: true,
      steps,
      handlers: ['go'],
      handlerDigest: digest,
      secrets: [],
    })
    this.#fence = null
    if (oracle.isOver) return
    if (code !== null) this.#differs('the plan is refused')
    if (oracle.plan !== null) {
      this.#reached.note(oracle.plan === this.#world ? 'planned anew and the same' : 'planned anew and another')
    }
    oracle.planned(this.#world)
    const hash = (await this.#driver.row()).gate.planHash ?? ''
    const known = this.#hashes.get(this.#world)
    if (known !== undefined && known !== hash) this.#differs('the same plan has another hash')
    if (known === undefined && [...this.#hashes.values()].includes(hash))
      this.#differs('another plan has the same hash')
    this.#hashes.set(this.#world, hash)
  }

  #intent(fence: number): WorkerCommand {
    const idx = this.#oracle.done
    const step = this.#oracle.rules.isPlanned ? `go[${this.#oracle.plan}-${idx}]` : 'run'
    return {
      type: 'intend_effect',
      fence,
      worker: 1,
      ...(this.#oracle.rules.isPlanned ? { idx } : {}),
      effectKey: `${this.#oracle.plan}`.padStart(32, '0') + `${idx}`.padStart(32, '0'),
      step,
      name: 'do',
      ordinal: 0,
      target: 'keyed',
      reconcilable: false,
    }
  }

  async #work(command: WorkerCommand): Promise<string | null> {
    const code = (await this.#driver.give([{ kind: 'work', command }]))[0] ?? null
    this.#told.push(`${command.type} → ${code ?? 'done'}`)
    return code
  }

  async #goOn(): Promise<void> {
    const oracle = this.#oracle
    const fence = this.#fence ?? 0
    const idx = oracle.done
    switch (this.#phase) {
      case 'begin': {
        this.#tries += 1
        const code = await this.#work({ type: 'begin_target', fence, idx, tries: this.#tries })
        this.#compare(
          this.#watching(() => oracle.begin()),
          code,
        )
        if (code === null) this.#phase = this.#isApplied ? 'settle' : 'intend'
        else await this.#halt(code)
        return
      }
      case 'intend': {
        const isCovered = oracle.isCovered && oracle.maySubmit
        const isAsked = oracle.isCancelAsked
        const code = await this.#work(this.#intent(fence))
        this.#compare(
          this.#watching(() => oracle.intend()),
          code,
        )
        if (code !== null) return await this.#halt(code)
        if (!isCovered || isAsked) this.#differs('an effect begins that nobody entitled stands behind')
        this.#reached.note('performed')
        this.#phase = 'apply'
        return
      }
      case 'apply': {
        const { effectKey } = this.#intent(fence) as { effectKey: string }
        const outcome = { kind: 'applied' as const, value: '1' }
        await this.#expected(await this.#work({ type: 'record_effect', fence, effectKey, outcome }))
        oracle.isOpen = false
        this.#isApplied = true
        this.#phase = oracle.rules.isPlanned ? 'settle' : 'finish'
        return
      }
      case 'settle': {
        const settled = { type: 'settle_target' as const, fence, idx, state: 'succeeded' as const, value: '1' }
        await this.#expected(await this.#work({ ...settled, errorClass: null, error: null }))
        oracle.done += 1
        this.#isApplied = false
        this.#phase = oracle.done === oracle.rules.steps ? 'finish' : 'begin'
        return
      }
      case 'finish':
        await this.#expected(await this.#work({ type: 'succeed', fence, result: '1', fingerprint: digest }))
        oracle.place = 'succeeded'
        this.#fence = null
    }
  }

  /** Says when votes fell in the very commit that would have begun something. */
  #watching(begins: () => boolean): boolean {
    const before = this.#oracle.lostVotes
    const answer = begins()
    if (this.#oracle.lostVotes > before) this.#reached.note('begun on the vote of somebody who lost the right')
    return answer
  }

  #compare(accepts: boolean, code: string | null): void {
    if (accepts !== (code === null)) this.#differs(`the oracle ${accepts ? 'accepts' : 'refuses'} it`)
  }

  async #expected(code: string | null): Promise<void> {
    if (code !== null) this.#differs('the holder may not write')
  }

  /** As the worker does when something may not begin. */
  async #halt(code: string): Promise<void> {
    const oracle = this.#oracle
    const fence = this.#fence ?? 0
    this.#oldFence = fence
    this.#fence = null
    // Votes that it stood on fell, and its run with them.
    if (code === 'lease_lost') return
    if (code === 'right_lost') {
      this.#reached.note('stopped for want of the right to ask')
      const policy = { maxAttempts: 9, baseMs: 1, multiplier: 1, capMs: 1, jitter: 'none' as const }
      const failed = { type: 'fail' as const, fence, errorClass: 'AuthError' as const, message: 'm', retryable: false }
      await this.#expected(await this.#work({ ...failed, policy }))
      // What is in doubt is looked at by a further claim; it ends behind that.
      if (oracle.isOpen) this.#isLoose = true
      oracle.place = 'failed'
      return
    }
    if (code === 'cancel_requested') {
      const policy = { maxAttempts: 9, baseMs: 1, multiplier: 1, capMs: 1, jitter: 'none' as const }
      await this.#work({ type: 'fail', fence, errorClass: 'Canceled', message: 'm', retryable: false, policy })
      oracle.place = 'canceled'
      return
    }
    const reason = code === 'step_not_approved' ? ('step_approval' as const) : ('approval' as const)
    if (reason === 'step_approval') this.#reached.note('waited for a step')
    await this.#expected(await this.#work({ type: 'suspend', fence, reason, wakeAt: null, awaits: [] }))
    oracle.suspend()
  }

  async #crash(): Promise<void> {
    const oracle = this.#oracle
    if (this.#fence === null) return
    this.#oldFence = this.#fence
    this.#fence = null
    await this.#driver.crash()
    this.#told.push('crash')
    if (this.#isPlanning) {
      this.#isPlanning = false
      return
    }
    if (oracle.place !== 'running') return
    if (oracle.isOpen) this.#reached.note('lost with an effect in doubt')
    if (oracle.isOpen && oracle.isCancelAsked) this.#isLoose = true
    oracle.crash()
  }

  /** The rules act, and both must be at the same place. */
  async #settle(): Promise<void> {
    const before = this.#oracle.isDue
    let row = await this.#driver.row()
    if (before || row.gate.isDue) {
      await this.#driver.policy()
      row = await this.#driver.row()
    }
    this.#oracle.policy()
    if (before && this.#oracle.place === 'queued') this.#reached.note('dispatched by the rules')
    if (this.#isLoose) return
    const { state, waitingFor, gate } = row
    const { place, waitsFor, isApproved } = this.#oracle
    const here = `${state} ${state === 'waiting' ? waitingFor : ''} ${gate.planHash !== null && gate.approvedHash === gate.planHash}`
    const there = `${place} ${place === 'waiting' ? waitsFor : ''} ${isApproved}`
    const isEnded = state === 'succeeded' || state === 'canceled' || state === 'failed'
    if (isEnded ? state !== place : here !== there) this.#differs(`the engine is at ${here}, the oracle at ${there}`)
  }

  #differs(what: string): never {
    throw new Difference(`${what}\n${JSON.stringify(this.#oracle.rules)}\n${this.#told.join('\n')}`)
  }
}
