import { executionColumns, requestColumns, voteColumns } from './columns.ts'

/** Statements about approvals; written as those of `statements.ts`. */
export const voteStatements = {
  saveVote: `insert into approvals (${voteColumns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
on conflict (execution, seq) do update
set ended_at = excluded.ended_at, ended_by = excluded.ended_by, ended_why = excluded.ended_why`,

  votes: `select ${voteColumns}
from approvals
where execution = ?1
order by seq`,

  gated: `select ${executionColumns('e')}, ${requestColumns('r')}
from executions e indexed by executions_gated
join requests r on r.id = e.id
where e.gate is not null
and e.tenant = ?1
and e.id < ?2
and e.state in (select value from json_each(?3))
order by e.id desc
limit ?4`,
} as const
