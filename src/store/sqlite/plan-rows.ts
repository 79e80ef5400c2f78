import type { Vote } from '../../execution/approval.ts'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import { nameOf } from './lookups.ts'
import type { Row } from './rows-of.ts'

/** Reads plans and what people said about them, as `rows-of.ts` reads the rest. */
export const planOf = (row: Row): Plan => {
  const [id, revision, hash, summary, reads, parallel, at, worker, diff] = row
  return { id, revision, hash, summary, reads, parallel, at, worker, diff } as Plan
}

export const planStepOf = (row: Row): PlanStep =>
  ({
    id: row[0],
    idx: row[1],
    step: row[2],
    target: row[3],
    args: row[4],
    effects: JSON.parse(row[5] as string) as unknown,
    state: nameOf.planStep(row[6] as number),
    tries: row[7],
    value: row[8],
    errorClass: row[9],
    error: row[10],
    fence: row[11],
    startedAt: row[12],
    finishedAt: row[13],
    revision: row[14],
    approvedAt: row[15],
  }) as PlanStep

export const voteOf = (row: Row): Vote => {
  const [execution, seq, planHash, step, voter, groups, at, endedAt, endedBy, endedWhy] = row
  const named = JSON.parse(groups as string) as unknown
  return { execution, seq, planHash, step, voter, groups: named, at, endedAt, endedBy, endedWhy } as Vote
}
