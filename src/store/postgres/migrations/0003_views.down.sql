-- Takes the views away; no row depends on them.
drop view execution_queue_transition_audit;
drop view execution_idempotency_ledger;
drop view execution_queue_task;
drop view execution_alias;
drop view idempotency_keys;
drop view execution_dlq;
drop view execution_queue;
drop view execution_events;
