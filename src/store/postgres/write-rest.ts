import type { Changes } from '../rows.ts'
import { cellsOfLeader, cellsOfProcess } from '../sqlite/fleet-rows.ts'
import { codeOf } from '../sqlite/lookups.ts'
import { policyCells } from '../sqlite/policy-rows.ts'
import { rightsCells } from '../sqlite/rights-rows.ts'
import type { Put } from './put.ts'
import { newestOf } from './rows-from.ts'
import { saveSignIns } from './sign-ins.ts'

/** Writes what stands beside the executions. Removals come before additions: what is removed and added again stays. */
export function saveRest(put: Put, changes: Changes): void {
  put(
    'saveArtifacts',
    newestOf(changes.artifacts, ({ execution, name, sha256 }) => JSON.stringify([execution, name, sha256])),
    ({ execution, name, sha256, bytes, mediaType, path, content, at }) => [
      execution,
      name,
      sha256,
      bytes,
      mediaType,
      path,
      content ?? null,
      at,
    ],
  )
  put(
    'saveLogs',
    newestOf(changes.logs, ({ id, seq }) => `${id} ${seq}`),
    ({ id, seq, at, level, message, fields, fence, line, bytes, dropped }) => [
      id,
      seq,
      at,
      codeOf.level[level],
      message,
      fields,
      fence,
      line,
      bytes,
      dropped,
    ],
  )
  savePlans(put, changes)
  put('addSignals', changes.signals.add, ({ execution, name, seq, payload, by, at, dedupe }) => [
    execution,
    name,
    seq,
    payload,
    by,
    at,
    dedupe,
  ])
  put('takeSignals', changes.signals.take, ({ execution, name, seq, at }) => [execution, name, seq, at])
  saveWaiting(put, changes)
  savePermits(put, changes)
  put('removePauses', changes.pauses.remove, ({ scope, value, tenant }) => [codeOf.scope[scope], value, tenant])
  put(
    'addPauses',
    newestOf(changes.pauses.add, ({ scope, value, tenant }) => JSON.stringify([scope, value, tenant ?? ''])),
    ({ scope, value, tenant, reason, by, at }) => [codeOf.scope[scope], value, tenant, reason, by, at],
  )
  const depths = newestOf(changes.depth, ({ queue, tenant }) => `${queue} ${tenant}`)
  put(
    'removeDepths',
    depths.filter(({ count }) => count === 0),
    ({ queue, tenant }) => [queue, tenant],
  )
  put(
    'saveDepths',
    depths.filter(({ count }) => count !== 0),
    ({ queue, tenant, count }) => [queue, tenant, count],
  )
  saveTimes(put, changes)
  saveBulks(put, changes)
  saveSignIns(put, changes)
  put('addRights', changes.rights, rightsCells)
  put('addPolicies', changes.policies, policyCells)
  saveSchedules(put, changes.schedules)
  saveQuarantine(put, changes.quarantine)
  put(
    'saveLeaders',
    newestOf(changes.leaders.save, ({ epoch }) => epoch),
    cellsOfLeader,
  )
  put('removeLeaders', changes.leaders.remove, (epoch) => [epoch])
  const { save, before } = changes.processes
  put('forgetProcesses', before, (at) => [at])
  put(
    'saveProcesses',
    newestOf(save, ({ id }) => id),
    cellsOfProcess,
  )
  saveInbox(put, changes.inbox)
}

function saveInbox(put: Put, { submissions, steps }: Changes['inbox']): void {
  put('takeSubmissions', submissions, ({ number, at, execution, refusal }) => [number, at, execution, refusal])
  put('removeTransactionSteps', steps, ({ execution, name, ordinal }) => [execution, name, ordinal])
}

function saveQuarantine(put: Put, { add, remove }: Changes['quarantine']): void {
  put('removeQuarantined', remove, (key) => [key])
  put('addQuarantined', add, ({ tenant, execution, place, row, reason, at }) => [
    tenant,
    execution,
    place,
    row,
    reason,
    at,
  ])
  // The oldest timer is what wakes the writer: one that nobody can ring would wake it for ever.
  const timers = add.filter(({ place }) => place === 'timers')
  put('removeTimers', timers, ({ row }) => row.split(' ').map(Number))
}

function savePlans(put: Put, { plans, planSteps, votes }: Changes): void {
  put('addPlans', plans, ({ id, revision, hash, summary, reads, parallel, at, worker, diff }) => [
    id,
    revision,
    hash,
    summary,
    reads,
    parallel,
    at,
    worker,
    diff,
  ])
  put('dropPlanSteps', planSteps.drop, (id) => [id])
  put('addPlanSteps', planSteps.add, (step) => [
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
  ])
  put(
    'updatePlanSteps',
    newestOf(planSteps.change, ({ id, idx }) => `${id} ${idx}`),
    (step) => [
      step.id,
      step.idx,
      codeOf.planStep[step.state],
      step.tries,
      step.value,
      step.errorClass,
      step.error,
      step.fence,
      step.startedAt,
      step.finishedAt,
      step.approvedAt,
    ],
  )
  put('saveVotes', votes, ({ execution, seq, planHash, step, voter, groups, at, endedAt, endedBy, endedWhy }) => [
    execution,
    seq,
    planHash,
    step,
    voter,
    JSON.stringify(groups),
    at,
    endedAt,
    endedBy,
    endedWhy,
  ])
}

function saveWaiting(put: Put, { ready, timers, parked }: Changes): void {
  put('removeReady', ready.remove, ({ queue, rank, turn, id }) => [queue, rank, turn, id])
  put('addReady', ready.add, ({ queue, rank, turn, id, availableAt, paid }) => [
    queue,
    rank,
    turn,
    id,
    availableAt,
    paid ? 1 : 0,
  ])
  put('removeTimers', timers.remove, ({ at, kind, id }) => [at, codeOf.timer[kind], id])
  put('addTimers', timers.add, ({ at, kind, id }) => [at, codeOf.timer[kind], id])
  put('removeParked', parked.remove, (id) => [id])
  put('addParked', parked.add, ({ key, rank, turn, id, queue, availableAt, paid }) => [
    key,
    rank,
    turn,
    id,
    queue,
    availableAt,
    paid ? 1 : 0,
  ])
}

function savePermits(put: Put, { turns, permits, waiters, limits, rates }: Changes): void {
  put(
    'saveTurns',
    newestOf(turns, ({ queue, rank, tenant }) => `${queue} ${rank} ${tenant}`),
    ({ queue, rank, tenant, last }) => [queue, rank, tenant, last],
  )
  put('removePermits', permits.remove, ({ tenant, key, slot, execution }) => [tenant, key, slot, execution])
  put('removeWaiters', waiters.remove, ({ tenant, key, rank, turn }) => [tenant, key, rank, turn])
  put('addWaiters', waiters.add, ({ tenant, key, rank, turn, since, execution, fence, step }) => [
    tenant,
    key,
    rank,
    turn,
    since,
    execution,
    fence,
    step,
  ])
  put('removeLimits', limits.remove, ({ tenant, key }) => [tenant, key])
  put(
    'saveLimits',
    newestOf(limits.add, ({ tenant, key }) => JSON.stringify([tenant, key])),
    ({ tenant, key, capacity, by, reason, at }) => [tenant, key, capacity, by, reason, at],
  )
  put(
    'saveRates',
    newestOf(rates, ({ tenant, key }) => JSON.stringify([tenant, key])),
    ({ tenant, key, dueUs, wakeAt }) => [tenant, key, dueUs, wakeAt],
  )
}

/** Behind the removals. A slot that somebody else holds is left to him, and that ends the commit. */
export async function addPermits(put: Put, { permits }: Changes): Promise<void> {
  const added = newestOf(permits.add, ({ tenant, key, slot }) => JSON.stringify([tenant, key, slot]))
  const written = await put.returning(
    'addPermits',
    added,
    ({ tenant, key, slot, execution, fence, step, takenAt, granted }) => [
      tenant,
      key,
      slot,
      execution,
      fence,
      step,
      takenAt,
      granted ? 1 : 0,
    ],
  )
  if (written.length === added.length) return
  const taken = new Set(written.map(([tenant, key, slot]) => JSON.stringify([tenant, key, slot])))
  const refused = added.find(({ tenant, key, slot }) => !taken.has(JSON.stringify([tenant, key, slot])))
  throw new Error(`slot ${refused?.slot} of a permit was taken by another execution than ${refused?.execution}`)
}

function saveTimes(put: Put, { timeoutPolicies, pauseIntervals, releases }: Changes): void {
  put(
    'addTimeoutPolicies',
    timeoutPolicies,
    ({ version, slaClass, actionClass, attemptMs, overallMs, by, reason, at, fromPosition }) => [
      version,
      slaClass,
      actionClass,
      attemptMs,
      overallMs,
      by,
      reason,
      at,
      fromPosition,
    ],
  )
  put('closePauseIntervals', pauseIntervals.close, ({ scope, value, tenant, toAt }) => [
    codeOf.scope[scope],
    value,
    tenant,
    toAt,
  ])
  put('openPauseIntervals', pauseIntervals.open, ({ scope, value, tenant, fromAt }) => [
    codeOf.scope[scope],
    value,
    tenant,
    fromAt,
  ])
  put('removeReleases', releases.remove, (key) => [key])
  put(
    'saveReleases',
    newestOf(releases.save, ({ key }) => key),
    ({ key, id, scope, value, tenant, pacePerSecond, since }) => [
      key,
      id,
      codeOf.scope[scope],
      value,
      tenant,
      pacePerSecond,
      since,
    ],
  )
}

function saveBulks(put: Put, { bulks, bulkItems }: Changes): void {
  put(
    'saveBulks',
    newestOf(bulks, ({ key }) => key),
    ({ key, tenant, command, query, reason, by, state, total, done, refused, createdAt, finishedAt }) => [
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
    ],
  )
  put(
    'saveBulkItems',
    newestOf(bulkItems, ({ bulk, execution }) => `${bulk} ${execution}`),
    ({ bulk, execution, outcome }) => [bulk, execution, outcome],
  )
}

function saveSchedules(put: Put, { save, remove }: Changes['schedules']): void {
  put('removeSchedules', remove, (id) => [id])
  put(
    'saveSchedules',
    newestOf(save, ({ id }) => id),
    (schedule) => [
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
    ],
  )
}
