import { z } from 'zod'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { newestPolicies } from '../execution/timeout-policy.ts'
import { timeoutPolicyView } from '../projections/timeouts.ts'
import { parseDuration } from '../time/duration.ts'
import { command } from './command.ts'
import { reason } from './fields.ts'

const columns = ['slaClass', 'actionClass', 'attemptMs', 'overallMs', 'version', 'by', 'reason', 'at']
const limitText = (what: string) =>
  z.string().min(1).max(40).describe(`${what}, for instance \`30s\`; \`none\` for no limit.`)

export const timeouts = [
  command({
    name: 'timeout-policy list',
    summary: 'List how long work of each class may take: per attempt and overall.',
    permission: 'timeout_policy.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/timeout-policies' },
    cli: { words: 'timeout-policy list', columns },
    refusals: [],
    run: async ({ plane, caller }) => ({
      items: newestPolicies(await plane.host.views.of(caller.tenant).timeoutPolicies()).map(timeoutPolicyView),
    }),
  }),
  command({
    name: 'timeout-policy set',
    summary: 'Change how long work of a pair of classes may take; what is admitted and claimed from now on obeys it.',
    permission: 'timeout_policy.set',
    input: z.strictObject({
      slaClass: z.string().min(1).max(40).describe('SLA class, or `*` for every one that has no row of its own.'),
      actionClass: z.string().min(1).max(40).describe('Class of actions, or `*`.'),
      attempt: limitText('How long one attempt may take'),
      overall: limitText('How long all of it may take from the time it is due'),
      reason,
    }),
    http: { method: 'POST', path: '/v1/timeout-policies' },
    cli: {
      words: 'timeout-policy set',
      positionals: ['slaClass', 'actionClass'],
      examples: ['pawl timeout-policy set critical sync --attempt 5s --overall 30s --reason "new contract"'],
    },
    refusals: ['invalid_delay'],
    async run({ plane, caller }, { slaClass, actionClass, attempt, overall, reason: why }) {
      const attemptMs = limitOf(attempt)
      if (isRefusal(attemptMs)) return attemptMs
      const overallMs = limitOf(overall)
      if (isRefusal(overallMs)) return overallMs
      return plane.policies.setTimeouts({ slaClass, actionClass, attemptMs, overallMs, reason: why }, caller)
    },
  }),
  command({
    name: 'timeout-policy history',
    summary: 'List every change of the timeout policies: who, when and why.',
    permission: 'timeout_policy.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/timeout-policies/history' },
    cli: { words: 'timeout-policy history', columns },
    refusals: [],
    run: async ({ plane, caller }) => ({
      items: (await plane.host.views.of(caller.tenant).timeoutPolicies()).map(timeoutPolicyView),
    }),
  }),
]

const limitOf = (text: string): number | null | Refusal => (text === 'none' ? null : parseDuration(text))
