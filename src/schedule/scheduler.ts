import type { Orders } from '../commit/order.ts'
import { codes } from '../errors/codes.ts'
import { classify } from '../errors/failures.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import type { KnownPolicies } from '../policy/known-policies.ts'
import type { Schedule } from '../store/rows.ts'
import type { Views } from '../store/store.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { dueOccurrences } from './due.ts'
import { type Check, submitOccurrence, timeText } from './submitting.ts'

export interface SchedulerOptions {
  readonly views: Pick<Views, 'dueSchedules'>
  readonly orders: Orders
  readonly check: Check
  readonly policies: KnownPolicies
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Looks this often, rather than sleeping until the next occurrence: a clock that jumps is seen within it. */
const lookMs = 1_000
const dueMax = 1_000

/**
 * Submits what is due, once, and moves each schedule on behind it. Submitting comes first: a crash between the two
 * leads to the same keys again, which start nothing.
 *
 * @returns how many executions were begun
 * @throws DatabaseError when the store cannot commit it
 */
export async function fireDueSchedules(options: SchedulerOptions): Promise<number> {
  const now = options.clock.now()
  let begun = 0
  for (const schedule of await options.views.dueSchedules(now, dueMax)) begun += await fire(schedule, now, options)
  return begun
}

async function fire(schedule: Schedule, now: number, options: SchedulerOptions): Promise<number> {
  const { id, tenant, name, nextAt } = schedule
  if (nextAt === null) return 0
  const due = dueOccurrences(schedule, now)
  let begun = 0
  let lastAt: number | null = null
  let lastError: string | null = null
  for (const at of due.fire) {
    const answer = await submitOccurrence(schedule, at, options)
    if (!isRefusal(answer)) {
      if (!answer.replayed) begun += 1
      lastAt = at
      lastError = null
      continue
    }
    options.log('warn', `The schedule ${name} could not submit ${timeText(at)}: ${answer.reason}`, {
      code: answer.code,
      tenant,
    })
    // Whatever was submitted is known by its key, so that the next look may begin from the same place.
    if (isPassing(answer)) return begun
    lastError = `${answer.code}: ${answer.reason}`.slice(0, 1_000).toWellFormed()
  }
  await options.orders.give<'schedule_advance'>({
    kind: 'schedule_advance',
    id,
    tenant,
    name,
    from: nextAt,
    to: due.next,
    lastAt,
    lastError,
  })
  return begun
}

/** A refusal that time may lift: the occurrence is tried again until it counts as missed. */
const isPassing = ({ code }: Refusal): boolean => codes[code].http === 429 || codes[code].http >= 500

/** Looks every second, one look at a time; a look that fails is told and the next one comes all the same. */
export function startScheduler(options: SchedulerOptions): { stop(): Promise<void> } {
  const { clock, log } = options
  let timer: Timer | undefined
  let looking: Promise<void> = Promise.resolve()
  let isStopped = false
  const look = async (): Promise<void> => {
    try {
      const count = await fireDueSchedules(options)
      if (count > 0) log('info', 'Schedules have fired.', { count })
    } catch (thrown) {
      log('warn', `Schedules could not be looked at: ${classify(thrown).message}`, {})
    }
    arm()
  }
  const arm = (): void => {
    if (isStopped) return
    timer = clock.timer(lookMs, () => {
      looking = look()
    })
  }
  arm()
  return {
    async stop() {
      isStopped = true
      timer?.cancel()
      await looking
    },
  }
}
