const columns = 'key, tenant, command, query, reason, by, state, total, done, refused, created_at, finished_at'

/** The statements of commands on many executions: part of the table in statements.ts. */
export const bulkStatements = {
  saveBulk: `insert into bulks (${columns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
on conflict (key) do update
set state = excluded.state, total = excluded.total, done = excluded.done, refused = excluded.refused, finished_at = excluded.finished_at`,

  saveBulkItem: `insert into bulk_items (bulk, execution, outcome)
values (?1, ?2, ?3)
on conflict (bulk, execution) do update
set outcome = excluded.outcome`,

  bulk: `select ${columns}
from bulks
where key = ?1`,

  nextBulk: `select ifnull(max(key), 0) + 1
from bulks`,

  bulks: `select ${columns}
from bulks
where tenant = ?1
order by key desc
limit 100`,

  openBulks: `select ${columns}
from bulks indexed by bulks_open
where state in ('collecting', 'running')
order by key`,

  bulkItems: `select execution
from bulk_items indexed by bulk_items_open
where bulk = ?1
and outcome is null
order by execution
limit ?2`,

  bulkRefusals: `select outcome, count(*)
from bulk_items
where bulk = ?1
and outcome <> 'done'
group by outcome
order by count(*) desc, outcome`,
} as const
