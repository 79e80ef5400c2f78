import { planStepColumns } from './columns.ts'

/** Statements about plans, and about leases to run and to plan; written as those of `statements.ts`. */
export const planStatements = {
  addPlan: `insert into plans (execution, revision, hash, summary, reads, parallel, at, worker, diff)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,

  dropPlanSteps: `delete from plan_steps
where execution = ?1`,

  addPlanStep: `insert into plan_steps (${planStepColumns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`,

  updatePlanStep: `update plan_steps
set state = ?3, tries = ?4, value = ?5, error_class = ?6, error = ?7, fence = ?8, started_at = ?9, finished_at = ?10, approved_at = ?11
where execution = ?1
and idx = ?2`,

  plan: `select execution, revision, hash, summary, reads, parallel, at, worker, diff
from plans
where execution = ?1
order by revision desc
limit 1`,

  planSteps: `select ${planStepColumns}
from plan_steps
where execution = ?1
and idx > ?2
order by idx
limit ?3`,

  planStep: `select ${planStepColumns}
from plan_steps
where execution = ?1
and idx = ?2`,

  expiredLeases: `select id
from executions indexed by executions_running
where state = 4
and lease_until <= ?1
and id > ?2
order by id
limit ?3`,

  heldBy: `select id
from executions indexed by executions_running
where state = 4
and worker = ?1
and id > ?2
order by id
limit ?3`,

  expiredPlanning: `select id
from executions indexed by executions_planning
where planning_until <= ?1
and id > ?2
order by id
limit ?3`,

  plannedBy: `select id
from executions indexed by executions_planning
where planning_until is not null
and worker = ?1
and id > ?2
order by id
limit ?3`,
} as const
