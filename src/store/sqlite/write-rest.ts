import type { Changes } from '../rows.ts'
import { cellsOfLeader, cellsOfProcess } from './fleet-rows.ts'
import { codeOf } from './lookups.ts'
import { policyCells } from './policy-rows.ts'
import type { Prepared } from './prepared.ts'
import { rightsCells } from './rights-rows.ts'
import { saveSignIns } from './sign-in-rows.ts'

/**
 * Writes what stands beside the executions. Removals come before additions: what is removed and added again stays.
 */
export function saveRest(prepared: Prepared, changes: Changes): void {
  for (const { execution, name, sha256, bytes, mediaType, path, content, at } of changes.artifacts) {
    prepared.run('saveArtifact', execution, name, sha256, bytes, mediaType, path, content ?? null, at)
  }
  for (const { id, seq, at, level, message, fields, fence, line, bytes, dropped } of changes.logs) {
    prepared.run('saveLog', id, seq, at, codeOf.level[level], message, fields, fence, line, bytes, dropped)
  }
  savePlans(prepared, changes)
  for (const { execution, name, seq, payload, by, at, dedupe } of changes.signals.add) {
    prepared.run('addSignal', execution, name, seq, payload, by, at, dedupe)
  }
  for (const { execution, name, seq, at } of changes.signals.take) {
    prepared.run('takeSignal', execution, name, seq, at)
  }
  saveReady(prepared, changes.ready)
  for (const { at, kind, id } of changes.timers.remove) prepared.run('removeTimer', at, codeOf.timer[kind], id)
  for (const { at, kind, id } of changes.timers.add) prepared.run('addTimer', at, codeOf.timer[kind], id)
  for (const id of changes.parked.remove) prepared.run('removeParked', id)
  for (const { key, rank, turn, id, queue, availableAt, paid } of changes.parked.add) {
    prepared.run('addParked', key, rank, turn, id, queue, availableAt, paid ? 1 : 0)
  }
  savePermits(prepared, changes)
  for (const { scope, value, tenant } of changes.pauses.remove) {
    prepared.run('removePause', codeOf.scope[scope], value, tenant)
  }
  for (const { scope, value, tenant, reason, by, at } of changes.pauses.add) {
    prepared.run('addPause', codeOf.scope[scope], value, tenant, reason, by, at)
  }
  for (const { queue, tenant, count } of changes.depth) {
    if (count === 0) prepared.run('removeDepth', queue, tenant)
    else prepared.run('saveDepth', queue, tenant, count)
  }
  saveTimes(prepared, changes)
  for (const bulk of changes.bulks) {
    const { key, tenant, command, query, reason, by, state, total, done, refused, createdAt, finishedAt } = bulk
    prepared.run(
      'saveBulk',
      key,
      tenant,
      command,
      query,
      reason,
      by,
      state,
      total,
      done,
      refused,
      createdAt,
      finishedAt,
    )
  }
  for (const { bulk, execution, outcome } of changes.bulkItems) prepared.run('saveBulkItem', bulk, execution, outcome)
  saveSignIns(prepared, changes)
  for (const change of changes.rights) prepared.run('addRightsChange', ...rightsCells(change))
  for (const policy of changes.policies) prepared.run('addPolicy', ...policyCells(policy))
  saveSchedules(prepared, changes.schedules)
  saveQuarantine(prepared, changes.quarantine)
  for (const leader of changes.leaders.save) prepared.run('saveLeader', ...cellsOfLeader(leader))
  for (const epoch of changes.leaders.remove) prepared.run('removeLeader', epoch)
  for (const at of changes.processes.before) prepared.run('forgetProcesses', at)
  for (const one of changes.processes.save) prepared.run('saveProcess', ...cellsOfProcess(one))
}

function saveSchedules(prepared: Prepared, { save, remove }: Changes['schedules']): void {
  for (const id of remove) prepared.run('removeSchedule', id)
  for (const schedule of save) {
    prepared.run(
      'saveSchedule',
      schedule.id,
      schedule.tenant,
      schedule.name,
      schedule.action,
      schedule.actionVersion,
      schedule.input,
      schedule.cron,
      schedule.timeZone,
      schedule.misfire,
      schedule.catchUpMax,
      schedule.isPaused ? 1 : 0,
      schedule.nextAt,
      schedule.lastAt,
      schedule.lastError,
      schedule.createdBy,
      schedule.createdAt,
      schedule.updatedAt,
      schedule.version,
    )
  }
}

function saveQuarantine(prepared: Prepared, { add, remove }: Changes['quarantine']): void {
  for (const key of remove) prepared.run('removeQuarantined', key)
  for (const { tenant, execution, place, row, reason, at } of add) {
    prepared.run('addQuarantined', tenant, execution, place, row, reason, at)
    // The oldest timer is what wakes the writer: one that nobody can ring would wake it for ever.
    if (place === 'timers') prepared.run('removeTimer', ...row.split(' ').map(Number))
  }
}

function savePlans(prepared: Prepared, { plans, planSteps, votes }: Changes): void {
  for (const { id, revision, hash, summary, reads, parallel, at, worker, diff } of plans) {
    prepared.run('addPlan', id, revision, hash, summary, reads, parallel, at, worker, diff)
  }
  for (const id of planSteps.drop) prepared.run('dropPlanSteps', id)
  for (const step of planSteps.add) {
    prepared.run(
      'addPlanStep',
      step.id,
      step.idx,
      step.step,
      step.target,
      step.args,
      JSON.stringify(step.effects),
      codeOf.planStep[step.state],
      step.tries,
      step.value,
      step.errorClass,
      step.error,
      step.fence,
      step.startedAt,
      step.finishedAt,
      step.revision,
      step.approvedAt,
    )
  }
  for (const step of planSteps.change) {
    const { id, idx, state, tries, value, errorClass, error, fence, startedAt, finishedAt, approvedAt } = step
    const progress = [codeOf.planStep[state], tries, value, errorClass, error, fence, startedAt, finishedAt, approvedAt]
    prepared.run('updatePlanStep', id, idx, ...progress)
  }
  for (const { execution, seq, planHash, step, voter, groups, at, endedAt, endedBy, endedWhy } of votes) {
    const vote = [planHash, step, voter, JSON.stringify(groups), at, endedAt, endedBy, endedWhy]
    prepared.run('saveVote', execution, seq, ...vote)
  }
}

function saveReady(prepared: Prepared, { add, remove }: Changes['ready']): void {
  if (remove.length > 0) {
    const statement = prepared.get('removeReady')
    for (const { queue, rank, turn, id } of remove) statement.run(queue, rank, turn, id)
  }
  if (add.length > 0) {
    const statement = prepared.get('addReady')
    for (const { queue, rank, turn, id, availableAt, paid } of add) {
      statement.run(queue, rank, turn, id, availableAt, paid ? 1 : 0)
    }
  }
}

function savePermits(prepared: Prepared, { turns, permits, waiters, limits, rates }: Changes): void {
  for (const { queue, rank, tenant, last } of turns) prepared.run('saveTurn', queue, rank, tenant, last)
  for (const { tenant, key, slot, execution } of permits.remove) {
    prepared.run('removePermit', tenant, key, slot, execution)
  }
  for (const { tenant, key, slot, execution, fence, step, takenAt, granted } of permits.add) {
    const written = prepared.run('addPermit', tenant, key, slot, execution, fence, step, takenAt, granted ? 1 : 0)
    if (written !== 1) throw new Error(`slot ${slot} of a permit was taken by another execution than ${execution}`)
  }
  for (const { tenant, key, rank, turn } of waiters.remove) prepared.run('removeWaiter', tenant, key, rank, turn)
  for (const { tenant, key, rank, turn, since, execution, fence, step } of waiters.add) {
    prepared.run('addWaiter', tenant, key, rank, turn, since, execution, fence, step)
  }
  for (const { tenant, key } of limits.remove) prepared.run('removeLimit', tenant, key)
  for (const { tenant, key, capacity, by, reason, at } of limits.add) {
    prepared.run('saveLimit', tenant, key, capacity, by, reason, at)
  }
  for (const { tenant, key, dueUs, wakeAt } of rates) prepared.run('saveRate', tenant, key, dueUs, wakeAt)
}

function saveTimes(prepared: Prepared, { timeoutPolicies, pauseIntervals, releases }: Changes): void {
  for (const policy of timeoutPolicies) {
    const { version, slaClass, actionClass, attemptMs, overallMs, by, reason, at, fromPosition } = policy
    prepared.run('addTimeoutPolicy', version, slaClass, actionClass, attemptMs, overallMs, by, reason, at, fromPosition)
  }
  for (const { scope, value, tenant, toAt } of pauseIntervals.close) {
    prepared.run('closePauseInterval', codeOf.scope[scope], value, tenant, toAt)
  }
  for (const { scope, value, tenant, fromAt } of pauseIntervals.open) {
    prepared.run('openPauseInterval', codeOf.scope[scope], value, tenant, fromAt)
  }
  for (const key of releases.remove) prepared.run('removeRelease', key)
  for (const { key, id, scope, value, tenant, pacePerSecond, since } of releases.save) {
    prepared.run('saveRelease', key, id, codeOf.scope[scope], value, tenant, pacePerSecond, since)
  }
}
