import { Seats } from './seats.ts'

/**
 * The rules of approvals, written down a second time and apart from the engine: what is accepted, where it leads, and what
 * may begin. It shares no code with `src/execution`; where the two differ, one of them is wrong.
 */
export interface Rules {
  readonly level: 'confirm' | 'plan_review' | 'step_by_step'
  readonly quorum: number
  readonly groups: readonly string[]
  readonly useByMs: number | null
  readonly selfApproval: boolean
  readonly resume: 'auto' | 'manual'
  readonly planMaxAgeMs: number | null
  /** The action has a plan(): what it gives is looked up in the world. */
  readonly isPlanned: boolean
  readonly steps: number
}

interface Vote {
  readonly voter: string
  readonly plan: number
  readonly step: number | null
  readonly at: number
  isLive: boolean
}

export type Place =
  | 'requested'
  | 'approved'
  | 'queued'
  | 'running'
  | 'waiting'
  | 'retryable_failed'
  | 'succeeded'
  | 'canceled'
  | 'failed'

export const requester = 'human:ada'

export class Oracle {
  readonly rules: Rules
  now = 0
  place: Place = 'requested'
  waitsFor: 'approval' | 'step_approval' | null = null
  /** Number of the plan as it is; null before the first. */
  plan: number | null = null
  plannedAt = 0
  /** Is to be planned, and where it goes when the plan is the same. */
  replan: 'no' | 'stay' | 'go' = 'no'
  isApproved = false
  useBy: number | null = null
  /** Something of the plan has begun. */
  isFrozen = false
  hasEffects = false
  hasRun = false
  isCancelAsked = false
  /** An effect began of which nobody knows yet whether it happened. */
  isOpen = false
  /** The rules dispatch it with a command of their own. */
  isDue = false
  readonly seats = new Seats()
  readonly votes: Vote[] = []
  readonly stepApproved = new Set<number>()
  done = 0

  constructor(rules: Rules) {
    this.rules = rules
    if (!rules.isPlanned) this.plan = 0
  }

  get isOver(): boolean {
    return this.place === 'succeeded' || this.place === 'canceled' || this.place === 'failed'
  }

  get isToPlan(): boolean {
    return this.place === 'requested' && (this.plan === null || this.replan !== 'no')
  }

  /** Somebody would be given it: to plan it or to run it, if every gate holds. */
  get isClaimable(): boolean {
    return this.isToPlan || this.place === 'queued' || this.place === 'retryable_failed'
  }

  /** Votes that count now for the plan as it is, or for one step of it. */
  #counting(step: number | null): Vote[] {
    const { useByMs } = this.rules
    return this.#standing(step).filter(({ at }) => useByMs === null || this.now < at + useByMs)
  }

  #standing(step: number | null): Vote[] {
    return this.votes.filter((vote) => vote.isLive && vote.plan === this.plan && vote.step === step)
  }

  #isEntitled(who: string): boolean {
    if (who.startsWith('agent:')) return false
    if (who === requester && !this.rules.selfApproval) return false
    return this.isStillEntitled(who)
  }

  /** As the rights stand, whatever kind of principal it is. */
  isStillEntitled(who: string): boolean {
    const { level, groups } = this.rules
    if (!this.seats.may(who, 'approve', level)) return false
    return groups.length === 0 || groups.some((group) => this.seats.isMember(who, group))
  }

  /** Whoever asked may still have this done. */
  get maySubmit(): boolean {
    return this.seats.may(requester, 'submit', null)
  }

  /**
   * What stands on votes is looked at anew: those of people who may not agree any more are taken back. A vote counts as
   * long as its voter could still cast it.
   */
  #withoutLost(step: number | null, isHeld = false): void {
    if (this.isOver) return
    for (const vote of this.votes) {
      if (vote.plan !== this.plan || (vote.step !== null && vote.step !== step)) continue
      // A worker whose run was taken from it asks no further.
      if (isHeld && this.place !== 'running') return
      if (vote.isLive && !this.isStillEntitled(vote.voter)) {
        this.lostVotes += 1
        this.#without(vote)
      }
    }
  }
  lostVotes = 0

  /** Whether enough entitled people stand behind exactly what is about to happen. What every effect is measured by. */
  get isCovered(): boolean {
    const behind = (step: number | null): number =>
      new Set(this.#standing(step).flatMap(({ voter }) => (this.#isEntitled(voter) ? voter : []))).size
    if (behind(null) < this.rules.quorum) return false
    return this.rules.level !== 'step_by_step' || behind(this.done) >= this.rules.quorum
  }

  approve(who: string, plan: number, step: number | null): boolean {
    if (!this.seats.may(who, 'approve', this.rules.level)) return false
    this.#withoutLost(step !== null && step >= this.done ? step : null)
    if (who.startsWith('agent:') || this.plan === null || plan !== this.plan) return false
    if (this.#counting(step).some(({ voter }) => voter === who)) return true
    if (this.isOver || this.replan !== 'no' || !this.#isEntitled(who)) return false
    if (step === null ? this.isApproved : !this.#mayApproveStep(step)) return false
    for (const vote of this.#standing(step)) if (vote.voter === who) vote.isLive = false
    this.votes.push({ voter: who, plan, step, at: this.now, isLive: true })
    const counting = this.#counting(step)
    if (counting.length < this.rules.quorum) return true
    const isAuto = this.rules.resume === 'auto'
    if (step !== null) {
      this.stepApproved.add(step)
      this.isDue ||= isAuto && this.isApproved && this.place === 'waiting' && this.waitsFor === 'step_approval'
      return true
    }
    this.isApproved = true
    this.isDue = isAuto && (this.place === 'requested' || (this.place === 'waiting' && this.waitsFor === 'approval'))
    const { useByMs } = this.rules
    this.useBy = useByMs === null ? null : Math.min(...counting.map(({ at }) => at)) + useByMs
    if (this.place === 'requested') this.place = 'approved'
    return true
  }

  #mayApproveStep(step: number): boolean {
    const { level, steps } = this.rules
    return level === 'step_by_step' && step < steps && step >= this.done && !this.stepApproved.has(step)
  }

  reject(who: string): boolean {
    if (who.startsWith('agent:')) return false
    if (this.place === 'canceled') return true
    if (this.place !== 'requested' && this.place !== 'waiting') return false
    this.place = 'canceled'
    this.isApproved = false
    this.isDue = false
    for (const vote of this.votes) vote.isLive = false
    return true
  }

  revoke(voter: string, step: number | null): boolean {
    const vote = this.#standing(step).find((each) => each.voter === voter)
    if (vote === undefined) {
      return this.votes.some(
        (each) =>
          !each.isLive &&
          each.plan === this.plan &&
          each.step === step &&
          each.voter === voter &&
          this.revoked.has(each),
      )
    }
    if (this.isOver) return false
    this.revoked.add(vote)
    this.#without(vote)
    return true
  }

  #without(vote: Vote): void {
    vote.isLive = false
    const { step } = vote
    const isEnough = this.#counting(step).length >= this.rules.quorum
    if (step !== null) {
      if (!isEnough) this.stepApproved.delete(step)
    } else if (!isEnough && this.isApproved) this.#lose()
  }
  readonly revoked = new Set<Vote>()

  #lose(): void {
    this.isApproved = false
    this.useBy = null
    this.isDue = false
    if (this.isCancelAsked) return
    // What is in doubt is looked at by the next claim, which begins nothing.
    if (this.place === 'queued' && this.isOpen) return
    if (this.place === 'approved' || this.place === 'queued' || (this.place === 'running' && !this.hasEffects)) {
      if (this.place !== 'approved') this.hasRun = false
      this.place = 'requested'
    } else if (this.place === 'running' || this.place === 'retryable_failed' || this.place === 'waiting') {
      this.place = 'waiting'
      this.waitsFor = 'approval'
    }
  }

  /** Accepted is also what comes to something else than a dispatch: a plan that is too old is made anew. */
  resume(): boolean {
    this.#withoutLost(this.rules.level === 'step_by_step' && this.done < this.rules.steps ? this.done : null)
    if (this.isOver || this.isCancelAsked || this.plan === null || !this.isApproved) return false
    if (this.place === 'requested') return false
    if (this.place === 'queued' || this.place === 'running' || this.place === 'retryable_failed') return true
    if (this.place === 'waiting') {
      if (this.waitsFor === 'step_approval' && !this.stepApproved.has(this.done)) return false
      this.place = 'queued'
      this.waitsFor = null
      this.isDue = false
      return true
    }
    if (this.useBy !== null && this.useBy <= this.now) {
      this.#lapse()
      return false
    }
    this.isDue = false
    if (this.isStale) this.#plan('go')
    else this.place = 'queued'
    return true
  }

  /** What the rules do by themselves, behind the commit that made it due. */
  policy(): void {
    if (!this.isDue) return
    if (this.place === 'approved' || this.place === 'waiting') this.resume()
    this.isDue = false
  }

  get isStale(): boolean {
    const { isPlanned, planMaxAgeMs } = this.rules
    return isPlanned && !this.isFrozen && planMaxAgeMs !== null && this.plannedAt + planMaxAgeMs <= this.now
  }

  /** Nobody used it in time. */
  #lapse(): void {
    this.place = 'requested'
    this.isApproved = false
    this.useBy = null
    this.isDue = false
    for (const vote of this.votes) if (vote.step === null) vote.isLive = false
  }

  #plan(then: 'stay' | 'go'): void {
    this.place = 'requested'
    this.replan = then
    this.isDue = false
  }

  refresh(): boolean {
    if (this.isOver || !this.rules.isPlanned) return false
    if (this.isToPlan) return true
    if (this.hasRun || this.isFrozen) return false
    if (this.place === 'queued') this.#plan('go')
    else if (this.place === 'approved' || this.place === 'requested') this.#plan('stay')
    else return false
    return true
  }

  planned(plan: number): void {
    const then = this.replan
    const isSame = this.plan === plan
    this.replan = 'no'
    this.plannedAt = this.now
    if (!isSame) {
      for (const vote of this.votes) vote.isLive = false
      this.plan = plan
      this.isApproved = false
      this.useBy = null
      this.stepApproved.clear()
      return
    }
    if (!this.isApproved) return
    if (this.useBy !== null && this.useBy <= this.now) this.#lapse()
    else {
      this.place = then === 'go' ? 'queued' : 'approved'
      this.isDue = then === 'stay' && this.rules.resume === 'auto'
    }
  }

  cancel(): boolean {
    if (this.place === 'succeeded' || this.place === 'failed') return false
    if (this.place === 'running') this.isCancelAsked = true
    else this.place = 'canceled'
    return true
  }

  /** Whether a claim runs it; what a closed gate keeps from running goes where it is agreed to, or planned, anew. */
  claim(): boolean {
    if (this.place !== 'queued' && this.place !== 'retryable_failed') return false
    const { place } = this
    if (!this.isOpen) this.#withoutLost(null)
    if (this.place !== place) return false
    if (!this.hasRun && this.place === 'queued') {
      if (this.useBy !== null && this.useBy <= this.now) {
        this.#lapse()
        return false
      }
      if (this.isStale) {
        this.#plan('go')
        return false
      }
    }
    if (!this.isApproved && !this.isOpen) {
      this.hasRun = false
      if (this.place === 'queued') this.place = 'requested'
      else {
        this.place = 'waiting'
        this.waitsFor = 'approval'
      }
      return false
    }
    this.place = 'running'
    this.hasRun = true
    return true
  }

  /** Whether the next step may begin; without plan() there is nothing to begin. */
  begin(): boolean {
    this.#withoutLost(this.done, true)
    if (this.place !== 'running' || !this.maySubmit || this.isCancelAsked || !this.isApproved) return false
    if (this.rules.level === 'step_by_step' && !this.stepApproved.has(this.done)) return false
    this.isFrozen = true
    return true
  }

  intend(): boolean {
    this.#withoutLost(this.rules.isPlanned ? this.done : null, true)
    if (!this.maySubmit || this.place !== 'running' || this.isCancelAsked || !this.isApproved) return false
    if (this.rules.level === 'step_by_step' && !this.stepApproved.has(this.done)) return false
    this.isFrozen = true
    this.hasEffects = true
    this.isOpen = true
    return true
  }

  /** The worker may not begin what is next, and stops for people. */
  suspend(): void {
    if (this.isCancelAsked) this.place = 'canceled'
    else if (this.isApproved && this.rules.level === 'step_by_step' && this.stepApproved.has(this.done))
      this.place = 'queued'
    else {
      this.place = 'waiting'
      this.waitsFor = this.isApproved ? 'step_approval' : 'approval'
    }
  }

  crash(): void {
    this.place = this.isCancelAsked ? 'canceled' : 'retryable_failed'
  }
}
