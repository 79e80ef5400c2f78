import type { Changes } from '../store/rows.ts'
import { admitOne, Keys, keyLookup } from './admission.ts'
import { loadApprovals } from './approvals/approvals.ts'
import { archivePart, restoreOne } from './archives.ts'
import { Bulks, cancelBulk, fillBulk, openBulk, workBulk } from './bulks.ts'
import { commandOne, deniedOne, heartbeatOne, workOne } from './commands.ts'
import { type ClaimOrder, Claims } from './due/claims.ts'
import { type DueNews, dueNewsOf, duePart } from './due/due-news.ts'
import { Passes } from './due/line.ts'
import { Turns } from './due/turns.ts'
import { Leading } from './fleet/leading.ts'
import { fireTimers, goneOne, sweep } from './fleet/recovery.ts'
import { Queues, Workers } from './fleet/registry.ts'
import { Roll } from './fleet/roll.ts'
import { InboxChanges } from './inbox.ts'
import { spawnOne, tellKin } from './kin/children.ts'
import { loadForAdmissions, loadForCommands } from './loading.ts'
import type { Memory } from './memory.ts'
import { type Answer, admissionsOf, type Order } from './order.ts'
import { pauseOne } from './pauses/pauses.ts'
import { Unpausing } from './pauses/unpausing.ts'
import { breakOne, limitOne, permitOne } from './permits/permit-orders.ts'
import { Permits } from './permits/permits.ts'
import { QuarantineChanges, releaseOne } from './quarantine.ts'
import { type Asking, ask } from './reads.ts'
import { Refusals } from './refusals.ts'
import { rerunOne } from './rerun.ts'
import { changeToken, SignIns, signInOne } from './rights/sign-ins.ts'
import { Deadlines } from './timers/deadlines.ts'
import { advanceSchedule, changeSchedule, createSchedule } from './timers/schedules.ts'
import { setTimeoutPolicy } from './timers/timeouts.ts'
import { Workset } from './workset.ts'

export interface BatchResult {
  readonly answers: readonly Answer[]
  /** Filled standing claims, by their place in the list that was given. */
  readonly claims: readonly (Answer<'claim'> | null)[]
  readonly changes: Changes
  readonly changedIds: readonly number[]
  /** Something was changed, or let go. */
  readonly hasNews: boolean
  /** What it made due: only whoever carries hints asks, and nobody else pays for it. */
  readonly dueNews: () => DueNews
  /** Whom to tell, once the commit is durable, that somebody wants to cancel. */
  readonly cancelAsked: Workset['kin']['cancelAsked']
  /** And that its steps were given what they stood in line for. */
  readonly granted: Permits['granted']
  /** And who is to take no more. */
  readonly drained: Workers['drained']
  /** Timers were fired: which one is next must be asked anew. */
  readonly timersFired: boolean
  /** What is in quarantine must be asked anew. */
  readonly quarantineChanged: boolean
  /** A claim gave up before it had seen everything that is due: it should be looked at again at once. */
  readonly unfinished: boolean
  /** Takes over what was learnt, once the commit is durable. */
  readonly committed: () => void
}

/**
 * Turns orders into one commit: reads what all of them need, lets the rules decide each in turn, and gathers what they
 * decided. Claims come last, so that work made due by this very commit can start at once.
 *
 * A pure coroutine: it asks for rows and ends with changes; time and memory are arguments.
 */
export function* runBatch(
  orders: readonly Order[],
  claims: readonly ClaimOrder[],
  memory: Memory,
  now: number,
): Asking<BatchResult> {
  const first = yield* ask('counters')
  const work = new Workset(first, now, memory)
  const keys = new Keys()
  const refusals = new Refusals(memory.refusals)
  const queues = new Queues(memory, work, first.queue)
  const workers = new Workers(memory, work, first.worker)
  const passes = new Passes(memory)
  const permits = new Permits(memory, work, passes)
  const turns = new Turns(memory, work)
  const bulks = new Bulks()
  const quarantine = new QuarantineChanges()
  const signIns = new SignIns(now, work.rights)
  const inbox = new InboxChanges()
  const admitting = { queues, keys, refusals, depths: memory.depths, idKey: memory.idKey }
  const deadlines = new Deadlines(work, memory, workers)
  const unpausing = new Unpausing(work, memory, permits, workers)
  const leading = new Leading(now)
  const roll = new Roll(now)

  yield* inbox.look(orders)
  const asked = [...orders, ...inbox.asOrders()]
  yield* loadForAdmissions(
    work,
    keys,
    asked.flatMap(admissionsOf).flatMap((admission) => keyLookup(admission) ?? []),
  )
  const filling = new Claims(work, memory, workers, permits, turns, passes, deadlines)
  yield* loadForCommands(work, asked, filling.ahead(claims))
  yield* loadApprovals(work, asked)

  const answers: Answer[] = []
  for (const order of orders) {
    const superseded = order.duty === undefined ? null : yield* leading.refusalOf(order.duty)
    if (superseded !== null) {
      answers.push(superseded)
      continue
    }
    switch (order.kind) {
      case 'admit':
        answers.push(admitOne(work, order.admission, admitting))
        break
      case 'admit_many':
        answers.push(order.admissions.map((admission) => admitOne(work, admission, admitting)))
        break
      case 'rerun':
        answers.push(rerunOne(work, order, admitting))
        break
      case 'command':
        answers.push(
          commandOne(work, order, { principal: order.principal, worker: null }, refusals, workers, order.ifNumber),
        )
        break
      case 'work':
        answers.push(workOne(work, order, refusals, workers))
        break
      case 'spawn':
        answers.push(spawnOne(work, order, workers, admitting))
        break
      case 'heartbeat':
        answers.push(heartbeatOne(work, order, refusals, workers))
        break
      case 'register':
        for (const { action, version } of order.hello.actions) queues.keyOf(action, version)
        answers.push({ worker: workers.register(order.hello) })
        break
      case 'lead':
        answers.push(yield* leading.lead(order))
        break
      case 'resign':
        answers.push(yield* leading.resign(order))
        break
      case 'present':
      case 'departed':
        answers.push(roll.enter(order))
        break
      case 'gone':
        answers.push(yield* goneOne(work, order, workers))
        break
      case 'sign_off':
        answers.push(workers.signOff(order.worker))
        break
      case 'ask_drain':
        answers.push(workers.askDrain(order))
        break
      case 'drain':
        answers.push(workers.drain(order.worker, order.on))
        break
      case 'sweep':
        answers.push(yield* sweep(work, workers, order))
        break
      case 'pause':
        answers.push(yield* pauseOne(work, order, unpausing))
        break
      case 'permit':
        answers.push(yield* permitOne(work, order, permits, refusals, workers))
        break
      case 'limit':
        answers.push(yield* limitOne(work, order, permits))
        break
      case 'break':
        answers.push(yield* breakOne(work, order, permits))
        break
      case 'timeout_policy':
        answers.push(setTimeoutPolicy(work, order, memory.timeouts))
        break
      case 'bulk_open':
        answers.push(yield* openBulk(work, bulks, order))
        break
      case 'bulk_fill':
        answers.push(yield* fillBulk(work, bulks, order))
        break
      case 'bulk_cancel':
        answers.push(yield* cancelBulk(work, bulks, order))
        break
      case 'bulk_work':
        answers.push(yield* workBulk(work, bulks, order, admitting, workers))
        break
      case 'token':
        answers.push({ id: signIns.save(order.token, order.by).id })
        break
      case 'token_change':
        answers.push(yield* changeToken(signIns, order, now))
        break
      case 'sign_in':
        answers.push(yield* signInOne(signIns, order, now))
        break
      case 'denied':
        answers.push(deniedOne(work, order, refusals))
        break
      case 'rights':
        answers.push(work.rights.change(order))
        break
      case 'policy':
        answers.push(yield* work.policies.change(order, work.rights.current))
        break
      case 'policy_refused':
        answers.push(work.policies.refused(order, refusals))
        break
      case 'archive':
        answers.push(yield* archivePart(work, order))
        break
      case 'restore':
        answers.push(yield* restoreOne(work, order))
        break
      case 'schedule_create':
        answers.push(yield* createSchedule(work, order))
        break
      case 'schedule_change':
        answers.push(yield* changeSchedule(work, order))
        break
      case 'schedule_advance':
        answers.push(yield* advanceSchedule(work, order))
        break
      case 'set_aside':
        quarantine.add(memory.quarantine.news(order.rows), now)
        answers.push({ setAside: order.rows.length })
        break
      case 'take_inbox':
        answers.push(yield* inbox.take(work, admitting, order))
        break
      case 'release':
        answers.push(yield* releaseOne(work, memory.quarantine, quarantine, order))
        break
      case 'due':
        answers.push(yield* duePart(memory.queueKeys.values(), order.behind, order.limit))
        break
      case 'claim':
      case 'listen':
        throw new Error('standing orders are given apart from the others')
    }
  }
  const due = memory.nextTimerAt !== null && memory.nextTimerAt <= now
  if (due) yield* fireTimers(work, workers, permits, deadlines, unpausing, refusals)
  yield* tellKin(work, workers, memory.idKey)
  // What was freed is handed on before anybody new is looked at.
  if (work.left.size > 0) yield* permits.giveBack()
  yield* turns.place()
  const filled = claims.length === 0 ? [] : yield* filling.fill(claims)
  const rememberPermits = yield* permits.remember()
  // Who waits for the end of parked work is told that it does not move.
  const changedIds = [...work.changed().map(({ id }) => id), ...work.parkedAdd.keys()]
  permits.flush()
  turns.flush()
  workers.flush()
  const written = work.changes()
  return {
    answers,
    claims: filled.map((answer) => answer.claimed),
    changes: {
      ...written,
      depth: memory.depths.after(work.depth.all()),
      ...bulks.changes(),
      ...quarantine.changes(),
      ...signIns.changes(),
      ...leading.changes(),
      ...roll.changes(),
      ...inbox.changes(),
    },
    changedIds,
    hasNews: changedIds.length > 0 || work.readyAdd.size > 0,
    dueNews: () => dueNewsOf(work, written.updates),
    cancelAsked: work.kin.cancelAsked,
    granted: permits.granted,
    drained: workers.drained,
    timersFired: due,
    quarantineChanged: !quarantine.isEmpty,
    unfinished: filling.isUnfinished,
    committed: () => {
      memory.depths.committed(work.depth.all(), now)
      refusals.committed()
      queues.committed()
      workers.committed()
      memory.pausedTime.committed(work.pauseIntervals)
      memory.timeouts.committed(work.setPolicies())
      memory.rights = work.rights.current
      memory.policies = work.policies.current
      memory.rows.committed(work.changed(), work.requests)
      const { readyQueues } = work
      for (const queue of readyQueues) memory.maybeReady.add(queue)
      passes.committed()
      turns.committed()
      rememberPermits()
      unpausing.committed()
      for (const { queue, emptied } of filling.read()) {
        if (emptied && !readyQueues.has(queue)) memory.maybeReady.delete(queue)
      }
      const added = work.earliestTimerAt()
      if (added !== null && (memory.nextTimerAt === null || added < memory.nextTimerAt)) memory.nextTimerAt = added
    },
  }
}
