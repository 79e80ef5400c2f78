/** Columns in the order in which `rows-of.ts` reads them. */
const execution =
  'id tenant queue state n attempt max_attempts fence head rank available_at deadline_at worker lease_until lease_renewals waiting_for ending open_effects journal reconciles cancelled_by cancelled_at cancel_checks last_error_class last_error updated_at started_at finished_at planning_until waiting_on losses lone_losses idle_since hold_until parent gate'.split(
    ' ',
  )
const request =
  'id public_id tenant action action_version subject idem_key generation record_only input input_hash seed trace_id requested_by mode priority sla_class action_class policy_version parent_id position at depth rerun_of permits on_parent_cancel'.split(
    ' ',
  )

const listed = (columns: readonly string[], table?: string): string =>
  columns.map((column) => (table === undefined ? column : `${table}.${column}`)).join(', ')

export const executionColumns = (table?: string): string => listed(execution, table)
export const requestColumns = (table?: string): string => listed(request, table)
export const executionColumnNames: readonly string[] = execution
export const requestColumnNames: readonly string[] = request
export const executionWidth = execution.length

export const logColumns =
  'position, tenant, type, from_state, to_state, principal, worker, at, executions, numbers, previous, data'
export const outcomeColumns = 'id, n, tenant, state, result, fingerprint, position, at'

export const scheduleColumns =
  'id, tenant, name, action, action_version, input, cron, time_zone, misfire, catch_up_max, paused, next_at, last_at, last_error, created_by, created_at, updated_at, version'
export const planStepColumns =
  'execution, idx, step, target, args, effects, state, tries, value, error_class, error, fence, started_at, finished_at, revision, approved_at'
export const voteColumns = 'execution, seq, plan_hash, step, voter, voter_groups, at, ended_at, ended_by, ended_why'

export const workerColumns =
  'key, identity, incarnation, host, pid, started_ticks, boot_id, actions, slots, registered_at, seen_at, gone_at, gone_proof, draining_since, isolates, role, drain_asked_at, drain_asked_by, drain_reason, drain_until'

export const leaderColumns = 'epoch, holder, host, pid, since, until, ended_at, refused, refused_at'

export const processColumns =
  'id, role, name, host, pid, started_ticks, boot_id, version, schema, started_at, seen_at, ended_at, proof'
