/** What ended long ago: put away, looked up by key, listed and found. */
export const archiveStatements = {
  addArchive: `insert into archives (id, public_id, tenant, action, subject, state, finished_at, archived_at, idem_key, generation, record_only, input_hash, trace_id, n, head, fence, requested_position, document, sha256)
select e.id, r.public_id, e.tenant, r.action, r.subject, e.state, e.finished_at, ?2, r.idem_key, r.generation, r.record_only, r.input_hash, r.trace_id, e.n, e.head, e.fence, r.position, ?3, ?4
from executions e
join requests r on r.id = e.id
where e.id = ?1`,

  removeArchive: `delete from archives
where id = ?1`,

  archive: `select document, sha256
from archives
where id = ?1`,

  archived: `select id, tenant, input_hash, archived_at, document, sha256
from archives
where id = ?1`,

  archives: `select id, public_id, tenant, action, subject, state, finished_at, archived_at, idem_key, octet_length(document), sha256
from archives indexed by archives_tenant
where tenant = ?1
and id < ?2
order by id desc
limit ?3`,

  anyArchive: `select 1
from archives
limit 1`,

  archivedKeyOwner: `select id, input_hash, generation
from archives
where tenant = ?1
and action = ?2
and record_only = ?3
and idem_key = ?4
and generation = ?5`,

  newestArchivedKeyOwner: `select id, input_hash, generation
from archives
where tenant = ?1
and action = ?2
and record_only = ?3
and idem_key = ?4
order by generation desc
limit 1`,

  archivable: `select e.id
from executions e
where e.id > ?1
and e.id <= ?2
and e.finished_at < ?3
and e.open_effects = 0
and (?4 is null or e.tenant = ?4)
and (?5 is null or e.state in (select value from json_each(?5)))
and not exists (select 1 from requests r join executions child on child.id = r.id where r.parent_id = e.id and child.state < 7)
and not exists (select 1 from execution_locks where execution = e.id)
and ifnull((select state from executions where id = (select parent_id from requests where id = e.id)), 7) >= 7
order by e.id
limit ?6`,

  nextExecutions: `select max(id)
from (select id from executions where id > ?1 order by id limit ?2)`,

  requestedAt: `select at
from requests
where id = ?1`,
} as const
