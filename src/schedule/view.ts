import { shown } from '../json/shown.ts'
import type { Schedule } from '../store/rows.ts'
import { timeText } from './submitting.ts'

const timeOrNull = (at: number | null): string | null => (at === null ? null : timeText(at))

/** A schedule as people are shown it. */
export const scheduleView = (schedule: Schedule) => ({
  name: schedule.name,
  action: schedule.action,
  actionVersion: schedule.actionVersion,
  input: shown(schedule.input),
  cron: schedule.cron,
  timeZone: schedule.timeZone,
  misfire: schedule.misfire,
  catchUpMax: schedule.catchUpMax,
  paused: schedule.isPaused,
  nextAt: timeOrNull(schedule.nextAt),
  lastAt: timeOrNull(schedule.lastAt),
  lastError: schedule.lastError,
  createdBy: schedule.createdBy,
  createdAt: new Date(schedule.createdAt).toISOString(),
  updatedAt: new Date(schedule.updatedAt).toISOString(),
  version: schedule.version,
})

export type ScheduleView = ReturnType<typeof scheduleView>
