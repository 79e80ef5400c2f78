import { type Gate, isApproved, isToPlan } from '../execution/approval.ts'
import { type Effect, type Execution, isSuspect, neverAt, type Request } from '../execution/execution.ts'
import type { Pause, Worker } from '../store/rows.ts'
import type { Found, Views } from '../store/store.ts'
import { type ApprovalView, askApproval } from './approval.ts'
import { type Parking, parkingOf, standingOf } from './locks.ts'
import { releasingOf } from './releasing.ts'
import { isLive, timeText } from './view.ts'

export interface Around {
  readonly now: number
  readonly pauses: readonly Pause[]
  readonly workers: readonly Worker[]
  readonly effects: readonly Effect[]
  /** What an execution that is due is parked on, or a step of a running one stands in line for; null when it is nothing. */
  readonly parked?: Parking | null
  /** What must be agreed to, and by whom; null where nobody has to. */
  readonly approval?: ApprovalView | null
}

export interface Why {
  readonly why: string
  readonly next: string
}

/** Why an execution is where it is, in one sentence, and what can be done about it. */
export function whyOf({ execution, request }: Found, around: Around): Why {
  const id = request.publicId
  switch (execution.state) {
    case 'queued':
    case 'retryable_failed':
      return whyDue({ execution, request }, around)
    case 'running': {
      const worker = around.workers.find(({ key }) => key === execution.worker)
      const late = execution.leaseUntil !== null && execution.leaseUntil < around.now
      const asked = execution.cancelledAt === null ? '' : ` ${execution.cancelledBy} asked to cancel it.`
      return {
        why: `Worker ${worker?.identity ?? execution.worker} runs${isSuspect(execution) ? ', alone as a suspect,' : ''} attempt ${execution.attempt} of ${execution.maxAttempts}; its lease ${late ? 'ended' : 'holds until'} ${timeText(execution.leaseUntil ?? around.now)}.${asked}${around.parked ? ` ${around.parked.why}` : ''}`,
        next: late
          ? 'The next sweep gives it to another worker.'
          : (around.parked?.next ?? `Follow it with: pawl watch ${id}`),
      }
    }
    case 'waiting': {
      const doubtful = around.effects.filter(({ state }) => state === 'in_doubt' || state === 'intended')
      const names = doubtful.map(({ name, step }) => `${step}/${name}`).join(', ')
      return doubtful.length > 0
        ? {
            why: `It is not known whether ${names} happened, and only a person can say.`,
            next: `Look at the target, then: pawl effect resolve ${doubtful[0]?.effectKey.slice(0, 16)} --happened|--not-happened --reason R`,
          }
        : execution.gate !== null && asksPeople(execution)
          ? whyUnapproved(id, execution.gate, around)
          : whyWaiting(execution, id)
    }
    case 'requested': {
      if (execution.gate !== null && !isToPlan(execution.gate)) return whyUnapproved(id, execution.gate, around)
      if (execution.leaseUntil === null) return whyDue({ execution, request }, around)
      const planner = around.workers.find(({ key }) => key === execution.worker)
      return {
        why: `Worker ${planner?.identity ?? execution.worker} plans it; its lease holds until ${timeText(execution.leaseUntil)}.`,
        next: `Follow it with: pawl watch ${id}`,
      }
    }
    case 'approved':
      return whyNotResumed({ execution, request }, around)
    case 'succeeded':
      return { why: 'It has succeeded.', next: `See its result with: pawl status ${id}` }
    case 'failed':
    case 'expired':
    case 'canceled': {
      const error =
        execution.lastErrorClass === null
          ? ''
          : ` The last error was ${execution.lastErrorClass}: ${execution.lastError}`
      const by = execution.state === 'canceled' && execution.cancelledBy !== null ? ` by ${execution.cancelledBy}` : ''
      return { why: `It is ${execution.state}${by}.${error}`, next: `Run it again with: pawl redrive ${id} --reason R` }
    }
  }
}

/** Asks the store for what the answer needs. */
export async function askWhy(views: Views, found: Found, now: number): Promise<Why> {
  const [pauses, workers, effects] = await Promise.all([
    views.pauses(),
    views.workers(),
    views.effects({ id: found.execution.id, open: true, limit: 100 }),
  ])
  const parked =
    (await parkingOf(views, found, workers)) ?? (await standingOf(views, found)) ?? (await releasingOf(views, found))
  const approval = await askApproval(views, found, now)
  return whyOf(found, { now, pauses, workers, effects, parked, approval })
}

/** The pause that holds executions of this request back. */
export const holdingPause = (request: Request, pauses: readonly Pause[]): Pause | undefined =>
  pauses.find(
    ({ scope, value, tenant }) =>
      (tenant === null || tenant === request.tenant) &&
      (scope === 'all' ||
        value === { tenant: request.tenant, action: request.action, subject: request.subject }[scope]),
  )

function whyDue({ execution, request }: Found, { now, pauses, workers, parked }: Around): Why {
  const pause = holdingPause(request, pauses)
  if (pause !== undefined) {
    const what = pause.scope === 'all' ? 'everything' : `${pause.scope} ${pause.value}`
    const named = pause.scope === 'all' ? '' : ` --${pause.scope} ${JSON.stringify(pause.value)}`
    return { why: `${pause.by} paused ${what}: ${pause.reason}`, next: `Go on with: pawl unpause${named}` }
  }
  const isToPlan = execution.state === 'requested'
  const failed =
    execution.state === 'retryable_failed'
      ? `Attempt ${execution.attempt} failed with ${execution.lastErrorClass}. `
      : isToPlan
        ? `It is not planned yet.${execution.lastErrorClass === null ? '' : ` Planning failed with ${execution.lastErrorClass}.`} `
        : ''
  if (execution.availableAt > now) {
    return {
      why: `${failed}It is due at ${timeText(execution.availableAt)}.`,
      next:
        execution.state !== 'retryable_failed'
          ? 'Wait until then.'
          : `Make it due now with: pawl retry ${request.publicId}`,
    }
  }
  if (parked) return { why: `${failed}${parked.why}`, next: parked.next }
  const serving = workers.filter(
    (worker) =>
      isLive(worker, now) &&
      worker.actions.some(({ action, version }) => action === request.action && version === request.actionVersion),
  )
  const [draining] = serving.filter(({ drainingSince, drain }) => drainingSince !== null || drain !== null)
  if (draining !== undefined && serving.every(({ drainingSince, drain }) => drainingSince !== null || drain !== null)) {
    const { identity, drain } = draining
    if (drain !== null) {
      return {
        why: `${failed}It waits for a worker: ${identity} has ${request.action} version ${request.actionVersion} and is drained by ${drain.by}: ${drain.reason}`,
        next: 'Start another with: pawl worker. See them with: pawl worker list',
      }
    }
    return {
      why: `${failed}It is due, but ${draining.identity} takes nothing since ${timeText(draining.drainingSince ?? now)}: it stops, or a handler there ignores its abort.`,
      next: 'See it with: pawl worker list. Start another with: pawl worker, or end that process; what it runs goes on elsewhere.',
    }
  }
  if (serving.length > 0 && isSuspect(execution)) {
    const room = serving.some(({ isolates }) => isolates)
      ? 'a worker that has a process of its own for it'
      : 'a worker in which nothing else runs'
    return {
      why: `${failed}Its worker was lost ${execution.losses} times in a row with it, so it is a suspect and runs alone: it waits for ${room}.`,
      next: 'Wait; a worker that hears of it makes room. What suspects are: docs/explain/poison.md',
    }
  }
  return serving.length > 0
    ? { why: `${failed}It is due and waits for a free worker.`, next: 'See the load with: pawl ops' }
    : {
        why: `${failed}No live worker has ${request.action} version ${request.actionVersion}: it waits for one.`,
        next: 'Start one with: pawl worker',
      }
}

function whyWaiting({ waitingFor, waitingOn, availableAt }: Execution, id: string): Why {
  const until = availableAt === neverAt ? '' : ` until ${timeText(availableAt)}`
  const [first = 'NAME'] = waitingOn?.split(' ') ?? []
  if (waitingFor === 'timer') return { why: `It sleeps${until}.`, next: `Follow it with: pawl watch ${id}` }
  if (waitingFor !== 'signal')
    return { why: `It waits for: ${waitingFor ?? 'a person'}.`, next: `Read its events with: pawl events ${id}` }
  const why = `It waits for ${waitingOn ?? 'a signal'}${until}.`
  return first.startsWith('child:')
    ? { why, next: `See the child with: pawl why ${first.slice('child:'.length)}` }
    : { why, next: `Send it with: pawl signal ${id} ${first}` }
}

const asksPeople = ({ waitingFor }: Execution): boolean => waitingFor === 'approval' || waitingFor === 'step_approval'

/** Which votes are missing, from whom, and on what. */
function whyUnapproved(id: string, gate: Gate, { approval }: Around): Why {
  const { quorum, groups, selfApproval } = gate.rules
  const of = groups.length === 0 ? '' : ` of ${groups.join(' or ')}`
  const others = selfApproval ? '' : ', and not by who asked for it'
  const votes = approval?.votes ?? 0
  const step = approval?.step ?? null
  const what = step === null ? 'its plan' : `step ${step}, ${approval?.stepName},`
  if (isApproved(gate) && step === null) {
    return { why: 'It is approved and was not dispatched again yet.', next: `Dispatch it with: pawl resume ${id}` }
  }
  return {
    why: `It waits for people to approve ${what}: ${votes} of ${quorum} votes${of} are there${others}.${saidBy(approval)}`,
    next: `Read it with: pawl plan show ${id}, then: pawl approve ${id} --plan ${gate.planHash}${step === null ? '' : ` --step ${step}`}`,
  }
}

function saidBy(approval: Around['approval']): string {
  const { byRules = [], policyVersion } = approval ?? {}
  return byRules.length === 0 ? '' : ` So say ${byRules.join(', ')} of version ${policyVersion} of the policy.`
}

function whyNotResumed({ execution, request }: Found, { now, pauses }: Around): Why {
  const { gate, availableAt } = execution
  const id = request.publicId
  const until = gate === null || gate.useBy === null ? '' : `, by ${timeText(gate.useBy)}`
  const pause = holdingPause(request, pauses)
  if (pause !== undefined) {
    return {
      why: `It is approved, and ${pause.by} paused it: ${pause.reason}`,
      next: 'It is dispatched behind the pause.',
    }
  }
  return gate?.isDue === true
    ? {
        why: `It is approved and dispatched by the rules at ${timeText(Math.max(now, availableAt))}.`,
        next: 'Wait until then.',
      }
    : {
        why: `It is approved and waits for somebody to dispatch it${until}.`,
        next: `Dispatch it with: pawl resume ${id}`,
      }
}
