import { inboxStatements } from './inbox-statements.ts'
import { readStatements } from './read-statements.ts'
import { signInStatements } from './sign-in-statements.ts'
import { viewStatements } from './view-statements.ts'
import { writeStatements } from './write-statements.ts'

/**
 * Every statement of the store by name: prepared once for each connection and planned once. One clause a line and each
 * conjunct on a line of its own, so that a test can take one away at a time.
 */
export const statements = {
  // Waits no longer than it may, plans by index whatever the statistics say, and gives up its locks where its process
  // stands still. The role owns nothing and may do no more than privileges.ts says. Settings of one transaction: a pooler may
  // hand the connection to somebody else behind it.
  settings: `select
  set_config('role', $1, true),
  set_config('lock_timeout', '10s', true),
  set_config('statement_timeout', '30s', true),
  set_config('idle_in_transaction_session_timeout', $2, true),
  set_config('synchronous_commit', 'on', true),
  set_config('plan_cache_mode', 'force_generic_plan', true),
  set_config('enable_seqscan', 'off', true),
  set_config('enable_hashjoin', 'off', true),
  set_config('enable_mergejoin', 'off', true),
  set_config('jit', 'off', true)`,

  takeTurn: `select pg_advisory_xact_lock($1::int, hashtext(current_schema()))`,

  // Whoever was allowed to commit by the rights as they were has done so, or sees the new ones.
  holdRights: `select pg_advisory_xact_lock($1::int, hashtext(current_schema()))`,

  // The oldest commit that has its turn or waits for it. A user sees the sessions of others without their times: but since
  // when one of them waits, everybody may see.
  feedStanding: `select
  coalesce(max(extract(epoch from clock_timestamp() - coalesce(s.xact_start, w.since))) * 1000, 0)::float8,
  (extract(epoch from clock_timestamp()) * 1000)::float8
from pg_locks t
left join pg_stat_activity s on s.pid = t.pid
left join lateral (
  select min(waitstart) as since
  from pg_locks
  where pid = t.pid
  and not granted
) w on true
where t.locktype = 'advisory'
and t.database = (select oid from pg_database where datname = current_database())
and t.classid = $1::oid
and t.objid::bigint = hashtext(current_schema())::bigint & 4294967295
and t.objsubid = 2`,

  // Whose rows the rest of the transaction sees.
  scope: `select
  set_config('role', $1, true),
  set_config('pawl.tenant', $2, true)`,

  newestCommit: `select writer, number
from writers
order by number desc
limit 1`,

  commitOf: `select number
from writers
where writer = $1`,

  markCommit: `insert into writers (writer, number, at)
values ($1, $2, now())
on conflict (writer) do update
set number = excluded.number, at = excluded.at`,

  // Heard by the other writers when the commit is durable; the server sends one for each commit, however much it holds.
  tellOthers: `select pg_notify('pawl_' || current_schema(), $1)`,

  forgetWriters: `delete from writers
where at < now() - interval '1 day'
and number < (select max(number) from writers)`,

  ...inboxStatements,
  ...writeStatements,
  ...readStatements,
  ...viewStatements,
  ...signInStatements,
} as const

export type StatementName = keyof typeof statements
export type Statements = { readonly [N in StatementName]: string }
