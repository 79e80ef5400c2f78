import { refuse } from '../../errors/refusal.ts'
import type { Schedule } from '../../store/rows.ts'
import type { Answer, OrderOf } from '../order.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'

/** The schedule of that name as it stands in this batch: an earlier order of it may have changed or deleted it. */
function* present(work: Workset, tenant: string, name: string): Asking<Schedule | null> {
  for (const schedule of work.schedules.values()) {
    if (schedule !== null && schedule.tenant === tenant && schedule.name === name) return schedule
  }
  const stored = yield* ask('schedule', tenant, name)
  return stored !== null && work.schedules.has(stored.id) ? null : stored
}

export function* createSchedule(
  work: Workset,
  { schedule }: OrderOf<'schedule_create'>,
): Asking<Answer<'schedule_create'>> {
  const { tenant, name } = schedule
  if ((yield* present(work, tenant, name)) !== null) {
    return refuse('schedule_exists', `There is a schedule ${name} already.`, { name })
  }
  const created = { ...schedule, createdAt: work.now, updatedAt: work.now, version: 1 }
  work.schedules.set(schedule.id, created)
  return created
}

export function* changeSchedule(
  work: Workset,
  { tenant, name, set, ifVersion }: OrderOf<'schedule_change'>,
): Asking<Answer<'schedule_change'>> {
  const was = yield* present(work, tenant, name)
  if (was === null) return unknownSchedule(name)
  if (was.version !== ifVersion) {
    return refuse('state_changed', `The schedule ${name} was changed since it was read.`, { version: was.version })
  }
  if (set === null) {
    work.schedules.set(was.id, null)
    return was
  }
  const is = { ...was, ...set, updatedAt: work.now, version: was.version + 1 }
  work.schedules.set(was.id, is)
  return is
}

/** Moves a schedule on, unless somebody has moved, paused or deleted it since: then nothing is left to do. */
export function* advanceSchedule(
  work: Workset,
  { id, tenant, name, from, to, lastAt, lastError }: OrderOf<'schedule_advance'>,
): Asking<Answer<'schedule_advance'>> {
  const was = yield* present(work, tenant, name)
  if (was === null || was.id !== id || was.nextAt !== from || was.isPaused) return { advanced: false }
  if (to !== null && to <= from) throw new Error(`schedule ${name} would go back from ${from} to ${to}`)
  work.schedules.set(id, { ...was, nextAt: to, lastAt: lastAt ?? was.lastAt, lastError, updatedAt: work.now })
  return { advanced: true }
}

export const unknownSchedule = (name: string) =>
  refuse('not_found', `There is no schedule ${name.slice(0, 100).toWellFormed()}.`)
