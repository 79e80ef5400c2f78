/** Statements of what runs leave behind: artifacts and log lines. The rules for their text stand in statements.ts. */
export const keptStatements = {
  saveArtifact: `insert into artifacts (execution, name, sha256, bytes, media_type, path, content, at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (execution, name, sha256) do update
set media_type = excluded.media_type, path = excluded.path, content = excluded.content, at = excluded.at`,

  saveLog: `insert into execution_logs (execution, seq, at, level, message, fields, fence, line, bytes, dropped)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
on conflict (execution, seq) do update
set at = excluded.at, message = excluded.message, fence = excluded.fence, line = excluded.line, dropped = excluded.dropped`,

  artifacts: `select execution, name, sha256, bytes, media_type, path, content, at
from artifacts
where execution = ?1
order by name, at, rowid`,

  artifactNamed: `select 1
where exists (
  select 1
  from artifacts
  where sha256 = ?1
  and path is not null
)
or exists (
  select 1
  from archived_contents
  where sha256 = ?1
)`,

  logs: `select execution, seq, at, level, message, fields, fence, line, bytes, dropped
from execution_logs
where execution = ?1
and seq > ?2
and level >= ?4
order by seq
limit ?3`,

  newestLog: `select execution, seq, at, level, message, fields, fence, line, bytes, dropped
from execution_logs
where execution = ?1
order by seq desc
limit 1`,
} as const
