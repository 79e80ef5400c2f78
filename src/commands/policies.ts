import { z } from 'zod'
import { sampleMax } from '../control/policies.ts'
import { refuse } from '../errors/refusal.ts'
import { policyBytesMax } from '../policy/document.ts'
import { command } from './command.ts'
import { limit, pageFields, reason } from './fields.ts'

const version = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const ifVersion = version
  .optional()
  .describe('Refuse unless this version of the policy is in force (header `If-Match`).')
/** A document may be written with blanks, which its canonical text has none of. */
const bodyBytesMax = 4 * policyBytesMax
const ifMatch = { ifVersion: 'If-Match' }
const document = z
  .unknown()
  .describe('The whole policy: approvals, limits, flags; docs/explain/policy.md lists what it may say.')
const changing = [
  'policy_moved',
  'invalid_policy',
  'invalid_pattern',
  'invalid_string',
  'unknown_group',
  'impossible_quorum',
] as const

export const policies = [
  command({
    name: 'policy list',
    summary: 'List the versions of the policy, newest first: who, when and why; the one in force is marked.',
    permission: 'policy.list',
    input: z.strictObject(pageFields),
    http: { method: 'GET', path: '/v1/policies' },
    cli: { words: 'policy list', columns: ['version', 'active', 'kind', 'restored', 'by', 'reason', 'at', 'hash'] },
    refusals: ['invalid_cursor'],
    async run({ plane, caller }, { cursor, limit: most }) {
      if (cursor === undefined) return plane.policies.list(caller, undefined, most)
      const below = /^\d{1,15}$/.test(cursor) ? Number(cursor) : null
      return below === null
        ? refuse('invalid_cursor', 'The cursor is not one that a list has given.')
        : plane.policies.list(caller, below, most)
    },
  }),
  command({
    name: 'policy get',
    summary: 'Show the policy in force, or one version of it, and how long work may take.',
    permission: 'policy.get',
    input: z.strictObject({ version: version.optional().describe('The one in force by default.') }),
    http: { method: 'GET', path: '/v1/policies/document' },
    cli: { words: 'policy get', positionals: ['version'], examples: ['pawl policy get --json', 'pawl policy get 3'] },
    refusals: ['not_found'],
    run: ({ plane, caller }, input) => plane.policies.get(input.version, caller),
  }),
  command({
    name: 'policy diff',
    summary: 'Say in what two versions of the policy differ, place by place.',
    permission: 'policy.get',
    input: z.strictObject({
      from: version.describe('A version.'),
      to: version.optional().describe('Another one; the one in force by default.'),
    }),
    http: { method: 'GET', path: '/v1/policies/{from}/diff' },
    cli: {
      words: 'policy diff',
      positionals: ['from', 'to'],
      columns: ['at', 'before', 'after'],
      examples: ['pawl policy diff 2 3'],
    },
    refusals: ['not_found'],
    run: ({ plane, caller }, { from, to }) => plane.policies.diff(from, to, caller),
  }),
  command({
    name: 'policy simulate',
    summary: 'Say what a document would ask for, were the newest executions submitted under it. Nothing is written.',
    permission: 'policy.simulate',
    input: z.strictObject({ document, sample: limit(sampleMax).optional() }),
    http: { method: 'POST', path: '/v1/policies/simulate', bodyBytesMax },
    cli: {
      words: 'policy simulate',
      omit: ['document'],
      columns: ['executionId', 'state', 'action', 'subject', 'before', 'after'],
      examples: ['pawl policy simulate -f policy.json --sample 500'],
    },
    refusals: ['invalid_policy', 'invalid_pattern', 'invalid_string'],
    run: ({ plane, caller }, { document: wanted, sample = 200 }) => plane.policies.simulate(wanted, sample, caller),
  }),
  command({
    name: 'policy set',
    summary: 'Activate a document as the next version of the policy: what is admitted from now on obeys it.',
    permission: 'policy.set',
    input: z.strictObject({ document, reason, ifVersion }),
    http: { method: 'POST', path: '/v1/policies', headers: ifMatch, statuses: [201], bodyBytesMax },
    cli: {
      words: 'policy set',
      omit: ['document'],
      examples: ["pawl policy set -f policy.json --if-version 3 --reason 'two of sre for production'"],
    },
    refusals: changing,
    run: ({ plane, caller }, input) => plane.policies.set(input.document, input.reason, caller, input.ifVersion),
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'policy rollback',
    summary: 'Activate the document of an older version as the next one.',
    permission: 'policy.rollback',
    input: z.strictObject({ version: version.describe('Whose document; 1 is no policy.'), reason, ifVersion }),
    http: { method: 'POST', path: '/v1/policies/{version}/rollback', headers: ifMatch, statuses: [201] },
    cli: {
      words: 'policy rollback',
      positionals: ['version'],
      examples: ["pawl policy rollback 3 --reason 'nobody of sre was awake'"],
    },
    refusals: ['not_found', ...changing],
    run: ({ plane, caller }, input) => plane.policies.rollback(input.version, input.reason, caller, input.ifVersion),
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'flag list',
    summary: 'List the flags of the policy in force.',
    permission: 'flag.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/flags' },
    cli: { words: 'flag list', columns: ['name', 'value'] },
    refusals: [],
    run: async ({ plane, caller }) => ({ items: await plane.policies.flags(caller) }),
  }),
  command({
    name: 'flag set',
    summary: 'Set one flag, as the next version of the policy.',
    permission: 'flag.set',
    input: z.strictObject({
      name: z.string().min(1).max(200).describe('Its name.'),
      value: z
        .union([z.boolean(), z.string().max(1000)])
        .describe('`true`, `false` or a text; `none` takes the flag away.'),
      reason,
      ifVersion,
    }),
    http: { method: 'POST', path: '/v1/flags', headers: ifMatch, statuses: [201] },
    cli: {
      words: 'flag set',
      positionals: ['name', 'value'],
      examples: ["pawl flag set freeze true --reason 'year end'"],
    },
    refusals: changing,
    run: ({ plane, caller }, { name, value, reason: why, ifVersion: seen }) =>
      plane.policies.setFlag(name, flagValue(value), why, caller, seen),
    respond: (body) => ({ status: 201, body }),
  }),
]

/** A command line knows texts only. */
function flagValue(value: boolean | string): boolean | string | null {
  if (value === 'true' || value === 'false') return value === 'true'
  return value === 'none' ? null : value
}
