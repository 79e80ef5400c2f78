import { rowsFrom } from './rows-from.ts'

/** What callers have left, and what became of it. */
export const inboxStatements = {
  waitingSubmissions: `select number, tenant, admission
from submissions
where taken_at is null
order by number
limit $1::bigint`,

  waitingSteps: `select execution, name, ordinal, value, fence, started_at, at
from transaction_steps
order by execution, name, ordinal
limit $1::bigint`,

  isAnythingWaiting: `select exists (select 1 from submissions where taken_at is null)
or exists (select 1 from transaction_steps)`,

  submission: `select taken_at, execution, refusal
from submissions
where number = $1::bigint`,

  takeSubmissions: `update submissions s
set admission = null, taken_at = x.taken_at, execution = x.execution, refusal = x.refusal
from ${rowsFrom('number bigint, taken_at bigint, execution bigint, refusal text')}
where s.number = x.number
and s.taken_at is null`,

  removeTransactionSteps: `delete from transaction_steps s
using ${rowsFrom('execution bigint, name text, ordinal bigint')}
where s.execution = x.execution
and s.name = x.name
and s.ordinal = x.ordinal`,

  forgetSubmissions: `delete from submissions
where taken_at < $1::bigint`,
} as const
