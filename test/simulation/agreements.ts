import type { ApprovalRules } from '../../src/execution/approval.ts'
import type { Changes, LogRow } from '../../src/store/rows.ts'
import type { Report } from './violation.ts'

interface Vote {
  readonly voter: string
  /** Place of the step; null is the plan as a whole. */
  readonly step: number | null
}

interface Agreement {
  readonly rules: ApprovalRules
  readonly tenant: string
  readonly requestedBy: string
  votes: Vote[]
}

/** Roles that this person was granted, by the version of the grant; none is left to whoever lost the last. */
type Held = ReadonlyMap<number, string>

/**
 * Who has agreed to what, as the log alone tells it: what begins, an effect or a step, stands on enough votes of people who
 * may agree at that moment, none of them whoever asked for it. Shares no rule with the engine.
 */
export class Agreements {
  readonly #report: Report
  readonly #count: (name: string) => void
  readonly #of = new Map<number, Agreement>()
  /** Executions whose action has no plan(), so that nobody plans them. */
  readonly #unplanned = new Set<number>()
  #held: ReadonlyMap<string, Held> = new Map()

  constructor(report: Report, count: (name: string) => void) {
    this.#report = report
    this.#count = count
  }

  isPlanned(id: number): boolean {
    return !this.#unplanned.has(id)
  }

  /** Executions that people must agree to. */
  gated(): readonly { readonly id: number; readonly tenant: string }[] {
    return [...this.#of].map(([id, { tenant }]) => ({ id, tenant }))
  }

  admitted({ admitted }: Changes): void {
    for (const { execution, request } of admitted) {
      const { id, tenant, gate } = execution
      if (gate === null) continue
      if (gate.effects !== undefined) this.#unplanned.add(id)
      this.#of.set(id, { rules: gate.rules, tenant, requestedBy: request.requestedBy, votes: [] })
    }
  }

  committed(changes: Changes): void {
    const before = this.#held
    this.#held = heldAfter(before, changes)
    for (const row of changes.log) this.#takeRow(row, before)
  }

  #takeRow(row: LogRow, before: ReadonlyMap<string, Held>): void {
    for (const [index, id] of row.executions.entries()) {
      const agreement = this.#of.get(id)
      if (agreement === undefined) continue
      const data = row.data?.[index] ?? {}
      this.#take(agreement, row, data, before, `execution ${id} event ${row.numbers[index]} ${row.type}`)
    }
  }

  #take(
    agreement: Agreement,
    { type, principal }: LogRow,
    data: Readonly<Record<string, unknown>>,
    before: ReadonlyMap<string, Held>,
    at: string,
  ): void {
    const step = typeof data.step === 'number' ? data.step : null
    const without = (voter: unknown): void => {
      agreement.votes = agreement.votes.filter((vote) => vote.voter !== voter || vote.step !== step)
    }
    switch (type) {
      case 'vote':
        without(data.revoked === true ? data.voter : principal)
        if (data.revoked !== true) agreement.votes.push({ voter: principal, step })
        if (data.reason === 'right_lost') this.#count('a vote lost its right')
        return
      case 'invalidate':
        if (data.revoked === true) without(data.voter)
        if (data.reason === 'use_by') agreement.votes = agreement.votes.filter((vote) => vote.step !== null)
        if (data.reason === 'right_lost') this.#count('an approval lost its right')
        return
      case 'replanned':
        if (data.same !== true) agreement.votes = []
        this.#count(data.same === true ? 'the same plan again' : 'another plan')
        return
      case 'reject':
        agreement.votes = []
        return
      case 'approve':
      case 'resume':
        // A vote that is of no more use for its age is counted here, and not by the engine: fewer would be a fault.
        if (this.#behind(agreement, step) < agreement.rules.quorum) this.#report('I11', `${at}: too few have agreed`)
        return
      case 'step_started':
      case 'effect_intended':
        this.#begins(agreement, type === 'step_started' ? Number(data.idx) : null, before, at)
        return
      default:
        return
    }
  }

  #begins(agreement: Agreement, step: number | null, before: ReadonlyMap<string, Held>, at: string): void {
    const { rules, tenant, requestedBy } = agreement
    const may = (held: ReadonlyMap<string, Held>) => (voter: string) =>
      mayAct(held, tenant, voter) && (rules.selfApproval || voter !== requestedBy)
    const enough = (of: number | null): boolean =>
      // Rights that change in this very commit may have changed before or behind it.
      [before, this.#held].some((held) => this.#behind(agreement, of, may(held)) >= rules.quorum)
    if (!enough(null)) this.#report('I11', `${at}: begins without an approval by people who may give it`)
    if (rules.level === 'step_by_step' && step !== null && !enough(step))
      this.#report('I11', `${at}: step ${step} begins without an approval of its own`)
    if (!mayAct(before, tenant, requestedBy) && !mayAct(this.#held, tenant, requestedBy))
      this.#report('I12', `${at}: begins in the name of ${requestedBy}, who has lost the right`)
    this.#count(`begun at level ${rules.level}`)
  }

  #behind({ votes }: Agreement, step: number | null, may: (voter: string) => boolean = () => true): number {
    return new Set(votes.filter((vote) => vote.step === step && may(vote.voter)).map(({ voter }) => voter)).size
  }
}

/** In simulated worlds somebody is granted operator, who may all of it, or viewer, who may nothing. */
function mayAct(held: ReadonlyMap<string, Held>, tenant: string, principal: string): boolean {
  const roles = held.get(`${tenant} ${principal}`)
  return roles === undefined || [...roles.values()].includes('operator')
}

function heldAfter(before: ReadonlyMap<string, Held>, { rights = [] }: Partial<Changes>): ReadonlyMap<string, Held> {
  if (rights.length === 0) return before
  const after = new Map(before)
  for (const { kind, tenant, principal, role, version, ref } of rights) {
    const key = `${tenant} ${principal}`
    const roles = new Map(after.get(key))
    if (kind === 'grant') roles.set(version, role)
    else if (kind === 'revoke') roles.delete(Number(ref))
    after.set(key, roles)
  }
  return after
}
