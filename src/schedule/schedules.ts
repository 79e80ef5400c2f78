import type { Requester } from '../admit/request.ts'
import type { Answer, Orders } from '../commit/order.ts'
import { unknownSchedule } from '../commit/timers/schedules.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { canonicalize } from '../json/canonical.ts'
import type { KnownPolicies } from '../policy/known-policies.ts'
import { type Misfire, misfires, type Schedule } from '../store/rows.ts'
import type { Views } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { checkTimetable, nextOccurrence, occurrencesBetween } from './next-occurrence.ts'
import { type Check, requestOf, submitOccurrence, timeText } from './submitting.ts'
import { type ScheduleView, scheduleView } from './view.ts'

/** What a person says of a new schedule. */
export interface ScheduleRequest {
  /** 1 to 100 letters, digits, `.`, `_` and `-`; unique within the tenant. */
  readonly name: string
  readonly action: string
  /** The newest at the time it fires, when not given. */
  readonly version?: number | undefined
  readonly input: unknown
  /** Five fields, or six with seconds first. */
  readonly cron: string
  /** Name of the time-zone database; `UTC` when not given. */
  readonly timeZone?: string | undefined
  /** `latest` when not given. */
  readonly misfire?: Misfire | undefined
  /** With `all`: the newest so many of what was missed. Default 100, at most 10,000. */
  readonly catchUpMax?: number | undefined
}

export interface BackfillRequest {
  /** First and last moment, RFC 3339; both belong to the range. */
  readonly from: string
  readonly to: string
  readonly dryRun?: boolean | undefined
}

export interface Backfill {
  readonly occurrences: number
  readonly dryRun: boolean
  readonly submitted: number
  /** Had fired before. */
  readonly known: number
  readonly refused: number
  /** The first of them, at most a hundred. */
  readonly first: readonly string[]
}

export interface SchedulesOptions {
  readonly orders: Orders
  readonly views: Pick<Views, 'of'>
  readonly check: Check
  readonly policies: KnownPolicies
  readonly clock: Clock
  readonly newId: () => string
  /** Occurrences of one backfill; 10,000 when not given. */
  readonly backfillMax?: number | undefined
}

const backfillMaxDefault = 10_000
export const catchUpMaxMax = 10_000
const catchUpDefault = 100
const submittedAtOnce = 200
const computedAtOnce = 100
const shownMax = 100

/** What people hold of schedules. Each belongs to one tenant and is known by its name. */
export class Schedules {
  readonly #options: SchedulesOptions

  constructor(options: SchedulesOptions) {
    this.#options = options
  }

  /** Checks everything that can be checked today: the expression, the zone, the action and its input. */
  async create(request: ScheduleRequest, by: Requester): Promise<ScheduleView | Refusal> {
    const { orders, clock, check, newId } = this.#options
    const { name, cron, timeZone = 'UTC', misfire = 'latest', catchUpMax = catchUpDefault } = request
    const unfit = checkFields(name, misfire, catchUpMax)
    if (unfit !== null) return unfit
    const first = checkTimetable({ cron, timeZone }, clock.now())
    if (isRefusal(first)) return first
    const input = canonicalize(request.input)
    if (isRefusal(input)) return input
    const { action, version: actionVersion = null } = request
    const admission = await check(requestOf({ action, actionVersion, input }), by)
    if (isRefusal(admission)) return admission
    return shown(
      await orders.give<'schedule_create'>({
        kind: 'schedule_create',
        schedule: {
          id: newId(),
          tenant: by.tenant,
          name,
          action,
          actionVersion,
          input,
          cron,
          timeZone,
          misfire,
          catchUpMax,
          isPaused: false,
          nextAt: first,
          lastAt: null,
          lastError: null,
          createdBy: by.principal,
        },
      }),
    )
  }

  /** By name. */
  async list(
    { cursor = '', limit = 100 }: { readonly cursor?: string | undefined; readonly limit?: number | undefined },
    by: Requester,
  ): Promise<{ readonly items: readonly ScheduleView[]; readonly next: string | null }> {
    const found = await this.#options.views.of(by.tenant).schedules(by.tenant, cursor, limit + 1)
    const page = found.slice(0, limit)
    return { items: page.map(scheduleView), next: found.length > limit ? (page.at(-1)?.name ?? null) : null }
  }

  async get(name: string, by: Requester): Promise<ScheduleView | Refusal> {
    const schedule = await this.#find(name, by)
    return isRefusal(schedule) ? schedule : scheduleView(schedule)
  }

  /** Nothing fires any more; what has fired goes on. */
  pause(name: string, by: Requester): Promise<ScheduleView | Refusal> {
    return this.#change(name, by, (schedule) => ({ isPaused: true, nextAt: schedule.nextAt }))
  }

  /** Goes on with the next occurrence from now. What fell into the pause does not fire; a backfill submits it. */
  unpause(name: string, by: Requester): Promise<ScheduleView | Refusal> {
    return this.#change(name, by, (schedule) =>
      schedule.isPaused
        ? { isPaused: false, nextAt: nextOccurrence(schedule, this.#options.clock.now()) }
        : { isPaused: false, nextAt: schedule.nextAt },
    )
  }

  /** Executions that were begun stay. */
  async delete(name: string, by: Requester): Promise<{ readonly deleted: true } | Refusal> {
    const deleted = await this.#change(name, by, () => null)
    return isRefusal(deleted) ? deleted : { deleted: true }
  }

  /** Runs the action of a schedule now, beside its occurrences, in the name of whoever asks. Gives the internal key. */
  async trigger(name: string, key: string | undefined, by: Requester): Promise<{ readonly id: number } | Refusal> {
    const schedule = await this.#find(name, by)
    if (isRefusal(schedule)) return schedule
    const { check, orders, clock, policies } = this.#options
    const told = { name, occurrence: `now, ${new Date(clock.now()).toISOString()}` }
    const answer = await policies.underNewest(async () => {
      const admission = await check({ ...requestOf(schedule), key }, by)
      if (isRefusal(admission)) return admission
      return await orders.give<'admit'>({ kind: 'admit', admission: { ...admission, schedule: told } })
    })
    if (isRefusal(answer)) return answer
    return { id: answer.replayed ? answer.execution.id : answer.born.id }
  }

  /** Submits the occurrences of a past range under their own keys: those that have fired start nothing. */
  async backfill(name: string, request: BackfillRequest, by: Requester): Promise<Backfill | Refusal> {
    const schedule = await this.#find(name, by)
    if (isRefusal(schedule)) return schedule
    const occurrences = await this.#occurrencesIn(schedule, request)
    if (isRefusal(occurrences)) return occurrences
    const { dryRun = false } = request
    const counts = { submitted: 0, known: 0, refused: 0 }
    for (let index = 0; !dryRun && index < occurrences.length; index += submittedAtOnce) {
      const part = occurrences.slice(index, index + submittedAtOnce)
      const answers = await Promise.all(part.map((at) => submitOccurrence(schedule, at, this.#options)))
      for (const answer of answers) counts[outcomeOf(answer)] += 1
    }
    return { occurrences: occurrences.length, dryRun, ...counts, first: occurrences.slice(0, shownMax).map(timeText) }
  }

  async #occurrencesIn(schedule: Schedule, { from, to }: BackfillRequest): Promise<readonly number[] | Refusal> {
    const [first, last] = [Date.parse(from), Date.parse(to)]
    if (Number.isNaN(first) || Number.isNaN(last) || first > last) {
      return refuse('invalid_input', 'from and to must be RFC 3339 times, and from must not be later than to.')
    }
    if (last > this.#options.clock.now()) {
      return refuse('invalid_input', 'A backfill reaches into the past only; what is to come fires by itself.')
    }
    const { backfillMax = backfillMaxDefault } = this.#options
    const occurrences: number[] = []
    for (let after = first - 1; occurrences.length <= backfillMax; ) {
      const part = occurrencesBetween(schedule, after, last, computedAtOnce)
      occurrences.push(...part)
      const newest = part.at(-1)
      if (newest === undefined || part.length < computedAtOnce) break
      after = newest
      // Each takes some 0.1 ms to compute: whoever else is waiting gets his turn between the parts.
      await new Promise<void>((resolve) => {
        setImmediate(resolve)
      })
    }
    if (occurrences.length <= backfillMax) return occurrences
    return refuse('too_many_occurrences', `The range holds more than ${backfillMax} occurrences.`, { backfillMax })
  }

  async #find(name: string, by: Requester): Promise<Schedule | Refusal> {
    return (await this.#options.views.of(by.tenant).schedule(by.tenant, name)) ?? unknownSchedule(name)
  }

  async #change(
    name: string,
    by: Requester,
    change: (schedule: Schedule) => Pick<Schedule, 'isPaused' | 'nextAt'> | null,
  ): Promise<ScheduleView | Refusal> {
    const schedule = await this.#find(name, by)
    if (isRefusal(schedule)) return schedule
    const { tenant, version: ifVersion } = schedule
    const set = change(schedule)
    return shown(await this.#options.orders.give({ kind: 'schedule_change', tenant, name, set, ifVersion }))
  }
}

const shown = (answer: Schedule | Refusal): ScheduleView | Refusal =>
  isRefusal(answer) ? answer : scheduleView(answer)

const outcomeOf = (answer: Answer<'admit'>): 'submitted' | 'known' | 'refused' =>
  isRefusal(answer) ? 'refused' : answer.replayed ? 'known' : 'submitted'

function checkFields(name: string, misfire: string, catchUpMax: number): Refusal | null {
  if (!/^[A-Za-z0-9][\w.-]{0,99}$/.test(name)) {
    return refuse(
      'invalid_input',
      'A schedule is named by 1 to 100 letters, digits, dots, underscores and hyphens, a letter or digit first.',
    )
  }
  if (!(misfires as readonly string[]).includes(misfire)) {
    return refuse('invalid_input', `misfire must be one of ${misfires.join(', ')}.`)
  }
  if (Number.isInteger(catchUpMax) && catchUpMax >= 1 && catchUpMax <= catchUpMaxMax) return null
  return refuse('invalid_input', `catchUpMax must be a whole number from 1 to ${catchUpMaxMax}.`)
}
