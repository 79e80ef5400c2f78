/** The refusals of schedules, in the manner of `codes.ts`. */
export const scheduleCodes = {
  invalid_cron: {
    http: 422,
    exit: 2,
    why: 'The cron expression cannot be read.',
    next: 'Write five fields (minute hour day month weekday) or six with seconds first, for instance `0 7 * * MON-FRI`.',
  },
  cron_never_fires: {
    http: 422,
    exit: 2,
    why: 'The cron expression names no time that ever comes.',
    next: 'Correct the day and the month; 31 February, for instance, never comes.',
  },
  cron_too_frequent: {
    http: 422,
    exit: 2,
    why: 'The cron expression fires more often than every 10 seconds.',
    next: 'Let one execution do the work of many, or loop inside the action.',
  },
  schedule_too_far: {
    http: 422,
    exit: 2,
    why: 'The first occurrence of the schedule is more than ten years away.',
    next: 'Correct the expression; `pawl submit --run-at` starts a single execution later.',
  },
  unknown_time_zone: {
    http: 422,
    exit: 2,
    why: 'The time zone is not a name of the time-zone database.',
    next: 'Write a name such as `Europe/Rome` or `UTC`.',
  },
  schedule_exists: {
    http: 409,
    exit: 5,
    why: 'A schedule of this name exists in the tenant.',
    next: 'Choose another name, or delete the schedule first.',
  },
  too_many_occurrences: {
    http: 422,
    exit: 2,
    why: 'The range holds more occurrences than one backfill may submit (10,000).',
    next: 'Backfill in several shorter ranges; an occurrence is never submitted twice.',
  },
} as const
