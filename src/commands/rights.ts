import { z } from 'zod'
import { isRefusal } from '../errors/refusal.ts'
import { changeView, grantViews, roleViews } from '../projections/rights.ts'
import { command } from './command.ts'
import { reason } from './fields.ts'

const listed = (what: string) => z.string().min(1).max(4000).optional().describe(what)
const partsOf = (text: string | undefined): string[] => text?.split(',').map((part) => part.trim()) ?? []

export const rights = [
  command({
    name: 'role list',
    summary: 'List the roles, built in and defined here, with what each holds.',
    permission: 'role.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/roles' },
    cli: { words: 'role list', columns: ['name', 'builtIn', 'permissions'] },
    refusals: [],
    run: async ({ plane, caller }) => ({ items: roleViews(await plane.whoMay.current(), caller.tenant) }),
  }),
  command({
    name: 'role holders',
    summary: 'List the grants in force: who holds which role, and for what.',
    permission: 'role.list',
    input: z.strictObject({ principal: z.string().max(120).optional().describe('Only those of this principal.') }),
    http: { method: 'GET', path: '/v1/roles/grants' },
    cli: { words: 'role holders', columns: ['grant', 'principal', 'role', 'actions', 'subjects', 'levelMax'] },
    refusals: [],
    async run({ plane, caller }, { principal }) {
      const all = grantViews(await plane.whoMay.current(), caller.tenant)
      return { items: all.filter((grant) => principal === undefined || grant.principal === principal) }
    },
  }),
  command({
    name: 'role history',
    summary: 'List every change of roles, grants and tokens: who, when, what and why.',
    permission: 'role.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/roles/history' },
    cli: { words: 'role history', columns: ['version', 'kind', 'principal', 'role', 'ref', 'by', 'reason', 'at'] },
    refusals: [],
    run: async ({ plane, caller }) => ({ items: (await plane.whoMay.history(caller.tenant)).map(changeView) }),
  }),
  command({
    name: 'role grant',
    summary:
      'Give a principal or a group a role, or put it into a group. From then on its grants decide, not its token.',
    permission: 'role.grant',
    input: z.strictObject({
      principal: z.string().min(1).max(120).describe('For instance `human:alice`, `agent:quoter` or `group:finance`.'),
      role: z.string().min(1).max(120).describe('A role, or a group that the principal joins (`group:finance`).'),
      actions: listed('Only for these actions: names or beginnings with a star, parted by commas (`quote.*`).'),
      subjects: listed('Only on these subjects, likewise (`quote:*`).'),
      levelMax: z.int().min(0).max(3).optional().describe('The highest approval level it may approve.'),
      reason,
    }),
    http: { method: 'POST', path: '/v1/roles/grants', statuses: [201] },
    cli: {
      words: 'role grant',
      positionals: ['principal', 'role'],
      examples: [
        "pawl role grant human:alice operator --actions 'quote.*' --subjects 'quote:*' --reason 'sells quotes'",
      ],
    },
    refusals: ['unknown_role', 'invalid_pattern', 'grant_exceeds_kind', 'grant_exceeds_own', 'last_admin'],
    async run({ plane, caller }, { actions, subjects, reason: why, ...rest }) {
      const request = { ...rest, actions: partsOf(actions), subjects: partsOf(subjects) }
      const answer = await plane.whoMay.grant(request, why, caller)
      return isRefusal(answer) ? answer : changeView(answer)
    },
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'role revoke',
    summary: 'Take a grant back; what it allowed stops before its next effect.',
    permission: 'role.revoke',
    input: z.strictObject({ grant: z.int().min(1).describe('Its number, as the list shows it.'), reason }),
    http: { method: 'DELETE', path: '/v1/roles/grants/{grant}' },
    cli: { words: 'role revoke', positionals: ['grant'], examples: ["pawl role revoke 12 --reason 'left the team'"] },
    refusals: ['not_found', 'grant_exceeds_own', 'last_admin'],
    async run({ plane, caller }, { grant, reason: why }) {
      const answer = await plane.whoMay.revoke(grant, why, caller)
      return isRefusal(answer) ? answer : changeView(answer)
    },
  }),
  command({
    name: 'role define',
    summary: 'Say what a role of your own holds from now on, for everybody who holds it.',
    permission: 'role.define',
    input: z.strictObject({
      role: z.string().min(1).max(120).describe('Its name.'),
      permissions: z
        .string()
        .min(1)
        .max(8000)
        .describe('Parted by commas, `:own` behind those that reach only what one asked for; `none` ends the role.'),
      reason,
    }),
    http: { method: 'POST', path: '/v1/roles' },
    cli: {
      words: 'role define',
      positionals: ['role'],
      examples: [
        'pawl role define seller --permissions execution.submit,execution.get,execution.cancel:own --reason new',
      ],
    },
    refusals: ['unknown_role', 'unknown_permission', 'grant_exceeds_own', 'last_admin'],
    async run({ plane, caller }, { role, permissions, reason: why }) {
      const holds = permissions === 'none' ? [] : partsOf(permissions)
      const answer = await plane.whoMay.define(role, holds, why, caller)
      return isRefusal(answer) ? answer : changeView(answer)
    },
  }),
]
