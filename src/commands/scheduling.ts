import { z } from 'zod'
import { isRefusal } from '../errors/refusal.ts'
import { misfires } from '../store/rows.ts'
import { command } from './command.ts'
import { limit } from './fields.ts'

const name = z.string().min(1).max(100).describe('Name of the schedule.')
const one = z.strictObject({ name })
const unknown = ['not_found'] as const

export const scheduling = [
  command({
    name: 'schedule list',
    summary: 'List schedules, by name.',
    permission: 'schedule.list',
    input: z.strictObject({
      limit: limit(500).optional(),
      cursor: z.string().max(100).optional().describe('`next` of the page before.'),
    }),
    http: { method: 'GET', path: '/v1/schedules' },
    cli: {
      words: 'schedule list',
      columns: ['name', 'action', 'cron', 'timeZone', 'misfire', 'paused', 'nextAt', 'lastAt', 'lastError'],
    },
    refusals: [],
    run: ({ plane, caller }, input) => plane.schedules.list(input, caller),
  }),
  command({
    name: 'schedule create',
    summary: 'Run an action again and again, at the times of a cron expression in a time zone.',
    permission: 'schedule.create',
    input: z.strictObject({
      name: name.describe('Name: letters, digits, dots, underscores, hyphens; unique within the tenant.'),
      action: z.string().min(1).max(200).describe('Name of the action.'),
      cron: z.string().min(1).max(1_000).describe('Five fields, or six with seconds first: `0 7 * * MON-FRI`.'),
      version: z.int().min(1).optional().describe('Version of the action; the newest at the time by default.'),
      input: z.unknown().describe('What each execution works on; checked by the schema of the action now.'),
      timeZone: z.string().min(1).max(100).optional().describe('For instance `Europe/Rome`; `UTC` by default.'),
      misfire: z
        .enum(misfires)
        .optional()
        .describe('What was missed: let it go, fire the newest (the default), or fire all.'),
      catchUpMax: z.int().optional().describe('With `all`: the newest so many at most; 100 by default.'),
    }),
    http: { method: 'POST', path: '/v1/schedules', statuses: [201], bodyBytesMax: 512 * 1024 },
    cli: {
      words: 'schedule create',
      aliases: ['schedule add'],
      positionals: ['name', 'action'],
      examples: [
        'pawl schedule create nightly crm.sync_quote --cron "0 2 * * *" --time-zone Europe/Rome -i quoteId=Q-42',
      ],
    },
    refusals: [
      'invalid_cron',
      'cron_never_fires',
      'cron_too_frequent',
      'schedule_too_far',
      'unknown_time_zone',
      'schedule_exists',
      'unknown_action',
      'computed_field_submitted',
    ],
    run: ({ plane, caller }, input) => plane.schedules.create(input, caller),
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'schedule get',
    summary: 'Show one schedule.',
    permission: 'schedule.get',
    input: one,
    http: { method: 'GET', path: '/v1/schedules/{name}' },
    cli: { words: 'schedule get', positionals: ['name'] },
    refusals: unknown,
    run: ({ plane, caller }, input) => plane.schedules.get(input.name, caller),
  }),
  command({
    name: 'schedule pause',
    summary: 'Keep a schedule from firing; what it has begun goes on.',
    permission: 'schedule.pause',
    input: one,
    http: { method: 'POST', path: '/v1/schedules/{name}/pause' },
    cli: { words: 'schedule pause', positionals: ['name'] },
    refusals: ['not_found', 'state_changed'],
    run: ({ plane, caller }, input) => plane.schedules.pause(input.name, caller),
  }),
  command({
    name: 'schedule unpause',
    summary: 'Let a schedule fire again, from its next occurrence on; what fell into the pause does not fire.',
    permission: 'schedule.unpause',
    input: one,
    http: { method: 'POST', path: '/v1/schedules/{name}/unpause' },
    cli: { words: 'schedule unpause', positionals: ['name'] },
    refusals: ['not_found', 'state_changed'],
    run: ({ plane, caller }, input) => plane.schedules.unpause(input.name, caller),
  }),
  command({
    name: 'schedule trigger',
    summary: 'Run the action of a schedule now, beside its occurrences.',
    permission: 'schedule.trigger',
    input: one.extend({
      key: z.string().optional().describe('Idempotency key, 1 to 255 characters (header `Idempotency-Key`).'),
    }),
    http: {
      method: 'POST',
      path: '/v1/schedules/{name}/trigger',
      headers: { key: 'Idempotency-Key' },
      statuses: [201],
    },
    cli: { words: 'schedule trigger', positionals: ['name'] },
    refusals: ['not_found', 'unknown_action', 'key_too_long', 'idempotency_key_reused', 'queue_full'],
    async run({ plane, caller }, input) {
      const triggered = await plane.schedules.trigger(input.name, input.key, caller)
      return isRefusal(triggered) ? triggered : plane.get((await plane.naming()).idOf(triggered.id), caller)
    },
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'schedule delete',
    summary: 'Delete a schedule; the executions it has begun stay.',
    permission: 'schedule.delete',
    input: one,
    http: { method: 'DELETE', path: '/v1/schedules/{name}' },
    cli: { words: 'schedule delete', positionals: ['name'] },
    refusals: ['not_found', 'state_changed'],
    run: ({ plane, caller }, input) => plane.schedules.delete(input.name, caller),
  }),
  command({
    name: 'schedule backfill',
    summary: 'Submit the occurrences of a past range, at most 10,000; those that have fired start nothing.',
    permission: 'schedule.backfill',
    input: one.extend({
      from: z.string().max(64).describe('First moment, RFC 3339.'),
      to: z.string().max(64).describe('Last moment, RFC 3339; not in the future.'),
      dryRun: z.boolean().optional().describe('Count and show only.'),
    }),
    http: { method: 'POST', path: '/v1/schedules/{name}/backfill' },
    cli: {
      words: 'schedule backfill',
      positionals: ['name'],
      examples: ['pawl schedule backfill nightly --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --dry-run'],
    },
    refusals: ['not_found', 'too_many_occurrences'],
    run: ({ plane, caller }, { name: which, ...range }) => plane.schedules.backfill(which, range, caller),
  }),
]
