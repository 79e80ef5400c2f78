import { z } from 'zod'
import { feedStanding } from '../commit/host.ts'
import { codes, isCode } from '../errors/codes.ts'
import { isRefusal, refuse } from '../errors/refusal.ts'
import { failurePatterns } from '../projections/failures.ts'
import { type FleetView, fleetOf, isPresent } from '../projections/fleet.ts'
import { standingNotices } from '../projections/metrics.ts'
import { opsOf } from '../projections/ops.ts'
import { workerStates, workerView } from '../projections/view.ts'
import { processRoles } from '../store/fleet.ts'
import type { Views } from '../store/store.ts'
import { parseDuration } from '../time/duration.ts'
import { actionView } from './action-view.ts'
import { command } from './command.ts'

const none = z.strictObject({})

export const operating = [
  command({
    name: 'ops',
    summary:
      'Show the health of everything: a verdict in one line, then depth, stale work, doubts, failures and workers.',
    permission: 'ops.read',
    input: none,
    http: { method: 'GET', path: '/v1/ops' },
    cli: { words: 'ops', examples: ['pawl ops', 'pawl ops --watch'] },
    refusals: [],
    run: async ({ plane, caller, clock }) =>
      opsOf({
        views: plane.host.views.of(caller.tenant),
        naming: await plane.naming(),
        tenant: caller.tenant,
        now: clock.now(),
        notices: [
          ...plane.notices.flatMap((notice) => notice() ?? []),
          ...standingNotices(await feedStanding(plane.host)),
        ],
      }),
  }),
  command({
    name: 'failures',
    summary: 'Show patterns of failure by action, state and error class.',
    permission: 'failure.list',
    input: z.strictObject({
      since: z.string().max(40).optional().describe('How far back, for instance `1h`; 24h by default.'),
    }),
    http: { method: 'GET', path: '/v1/failures' },
    cli: { words: 'failures', columns: ['count', 'action', 'state', 'errorClass', 'newestAt'] },
    refusals: ['invalid_delay'],
    async run({ plane, caller, clock }, { since }) {
      const backMs = parseDuration(since ?? '24h')
      if (isRefusal(backMs)) return backMs
      return { items: await failurePatterns(plane.host.views.of(caller.tenant), clock.now() - backMs, caller.tenant) }
    },
  }),
  command({
    name: 'worker list',
    summary: 'List workers and what they can run, and all other processes that hold the store.',
    permission: 'worker.list',
    input: z.strictObject({
      role: z.enum(processRoles).optional().describe('Only those that were started as this.'),
      state: z.enum(workerStates).optional().describe('Only those in this state, for instance `live`.'),
    }),
    http: { method: 'GET', path: '/v1/workers' },
    cli: {
      words: 'worker list',
      columns: ['id', 'state', 'role', 'leads', 'version', 'host', 'pid', 'slots', 'seenAt', 'goneProof'],
      examples: ['pawl worker list --state live', 'pawl worker list --role api'],
    },
    refusals: [],
    async run({ plane, caller, clock }, { role, state }) {
      const all = await fleetOf(plane.host.views.of(caller.tenant), clock.now())
      const isMeant = (one: FleetView) =>
        (role === undefined || one.role === role) && (state === undefined || one.state === state)
      return { items: all.filter(isMeant) }
    },
  }),
  command({
    name: 'worker drain',
    summary: 'Let a worker take no more work, finish or hand back what it runs, and end.',
    permission: 'worker.drain',
    input: z.strictObject({
      id: z.string().min(1).max(255).describe('The worker, as `pawl worker list` names it.'),
      reason: z.string().min(1).max(1_000).describe('Why, for whoever waits for it.'),
      handBackAfter: z
        .string()
        .max(40)
        .optional()
        .describe(
          'How long what runs may take to end, for instance `10m`; then it is handed back. No limit by default.',
        ),
    }),
    http: { method: 'POST', path: '/v1/workers/{id}/drain' },
    cli: {
      words: 'worker drain',
      positionals: ['id'],
      examples: [
        'pawl worker drain web-1 --reason "new kernel"',
        'pawl worker drain web-1 --reason deploy --hand-back-after 10m',
      ],
    },
    refusals: ['not_found', 'process_takes_no_work', 'invalid_delay'],
    async run({ plane, caller, clock }, { id, reason, handBackAfter }) {
      const graceMs = handBackAfter === undefined ? null : parseDuration(handBackAfter)
      if (isRefusal(graceMs)) return graceMs
      const asked = { identity: id, by: caller.principal, reason, graceMs }
      const answer = await plane.host.orders.give<'ask_drain'>({ kind: 'ask_drain', ...asked })
      if (isRefusal(answer))
        return (await refusedToDrain(plane.host.views.of(caller.tenant), id, clock.now())) ?? answer
      return { items: answer.workers.map((worker) => workerView(worker, clock.now())) }
    },
  }),
  command({
    name: 'action list',
    summary: 'List the actions that can be submitted.',
    permission: 'action.list',
    input: none,
    http: { method: 'GET', path: '/v1/actions' },
    cli: { words: 'action list', columns: ['name', 'version', 'approval', 'maxAttempts', 'secrets'] },
    refusals: [],
    run: async ({ plane }) => ({ items: plane.actions.list().map((action) => actionView(action)) }),
  }),
  command({
    name: 'action get',
    summary: 'Show one action and the schema of its input.',
    permission: 'action.get',
    input: z.strictObject({
      name: z.string().min(1).max(200).describe('Name of the action.'),
      version: z.int().min(1).optional(),
    }),
    http: { method: 'GET', path: '/v1/actions/{name}' },
    cli: { words: 'action get', positionals: ['name'] },
    refusals: ['unknown_action'],
    async run({ plane }, { name, version }) {
      const action = plane.actions.find(name, version)
      return isRefusal(action) ? action : actionView(action, { schema: true })
    },
  }),
  command({
    name: 'explain',
    summary: 'Explain a code: what it means and what to do next.',
    permission: 'code.explain',
    input: z.strictObject({
      code: z.string().min(1).max(100).describe('The code of a refusal, for instance `state_changed`.'),
    }),
    http: { method: 'GET', path: '/v1/codes/{code}' },
    cli: { words: 'explain', positionals: ['code'], examples: ['pawl explain idempotency_key_reused'] },
    refusals: ['not_found'],
    run: async (_, { code }) => explain(code),
  }),
]

/** For a process that is there and runs nothing; null where nobody of that name is. */
async function refusedToDrain(views: Views, id: string, now: number) {
  const process = (await views.processes()).find((each) => each.name === id && isPresent(each, now))
  if (process === undefined) return null
  const { role, host, pid } = process
  return refuse('process_takes_no_work', `${id} takes no work: its role is ${role}.`, { role, host, pid })
}

/** Needs no server. */
export function explain(text: string) {
  const code = text.trim().toLowerCase()
  return isCode(code)
    ? { code, ...codes[code] }
    : refuse(
        'not_found',
        `There is no code ${JSON.stringify(text.slice(0, 60).toWellFormed())}.`,
        undefined,
        'docs/reference/codes.md lists all codes.',
      )
}
