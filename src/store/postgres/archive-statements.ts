const archivedColumns = 'id, tenant, input_hash, archived_at, document, sha256'

/** What ended long ago: looked for, put away and looked up. */
export const archiveStatements = {
  nextExecutions: `select max(id)
from (select id from executions where id > $1 order by id limit $2) looked_at`,

  archivable: `select e.id
from executions e
where e.id > $1
and e.id <= $2
and e.finished_at < $3
and e.open_effects = 0
and ($4::text is null or e.tenant = $4)
and ($5::bigint[] is null or e.state = any($5))
and not exists (select 1 from requests r join executions child on child.id = r.id where r.parent_id = e.id and child.state < 7)
and not exists (select 1 from execution_locks where execution = e.id)
and coalesce((select state from executions where id = (select parent_id from requests where id = e.id)), 7) >= 7
order by e.id
limit $6`,

  requestedAt: `select at
from requests
where id = $1`,

  archived: `select ${archivedColumns}
from archives
where id = any($1::bigint[])`,

  archive: `select document, sha256
from archives
where id = $1`,

  addArchive: `insert into archives (id, public_id, tenant, action, subject, state, finished_at, archived_at, idem_key, generation, record_only, input_hash, trace_id, n, head, fence, requested_position, document, sha256)
select e.id, r.public_id, e.tenant, r.action, r.subject, e.state, e.finished_at, $2, r.idem_key, r.generation, r.record_only, r.input_hash, r.trace_id, e.n, e.head, e.fence, r.position, $3, $4
from executions e
join requests r on r.id = e.id
where e.id = $1`,

  removeArchive: `delete from archives
where id = $1`,
} as const
