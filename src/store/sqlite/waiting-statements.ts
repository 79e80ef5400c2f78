/** Statements about what executions wait for: signals, children, and the end of a process that may have acted. */
export const waitingStatements = {
  addSignal: `insert into signals (execution, name, seq, payload, sent_by, at, dedupe)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,

  takeSignal: `update signals
set taken_at = ?4
where execution = ?1
and name = ?2
and seq = ?3`,

  unreadSignals: `select execution, name, seq, payload, sent_by, at, dedupe
from signals indexed by signals_unread
where execution = ?1
and taken_at is null
order by name, seq`,

  signalHeads: `select execution, name, seq, dedupe, taken_at
from signals
where execution = ?1`,

  signals: `select execution, name, seq, payload, sent_by, at, dedupe, taken_at
from signals
where execution = ?1
order by at desc, name, seq desc
limit ?2`,

  childCount: `select ?1, count(*)
from requests indexed by requests_parent
where parent_id = ?1`,

  openChildren: `select r.id
from requests r indexed by requests_parent
cross join executions e on e.id = r.id
where r.parent_id = ?1
and r.on_parent_cancel = 'cancel'
and e.state < 7
and e.cancelled_at is null
order by r.id
limit ?2`,

  // The index of open effects is short: what is in doubt waits to be decided.
  doubtedBy: `select distinct execution
from execution_effects indexed by execution_effects_open
where state in (1, 2)
and worker = ?1
and execution > ?2
order by execution
limit ?3`,
} as const
