import { z } from 'zod'
import { isRefusal, refuse } from '../errors/refusal.ts'
import { parseDuration } from '../time/duration.ts'
import { command } from './command.ts'
import { roles } from './permissions.ts'

export const tokens = [
  command({
    name: 'token create',
    summary: 'Create a token; its text is shown once and kept nowhere.',
    permission: 'token.create',
    input: z.strictObject({
      name: z.string().min(1).max(100).describe('What it is for.'),
      role: z.enum(roles).describe('What it may do.'),
      principal: z
        .string()
        .regex(/^(human|service|agent|worker):[\w.@-]{1,100}$/)
        .optional()
        .describe('Whom it stands for, for instance `human:alice`; by default `service:` or `agent:` and the name.'),
      expiresIn: z.string().max(40).optional().describe('For how long, for instance `90d` (the default) or `12h`.'),
    }),
    http: { method: 'POST', path: '/v1/tokens', statuses: [201] },
    cli: {
      words: 'token create',
      positionals: ['name'],
      examples: ['pawl token create crm-bridge --role submitter --expires-in 30d'],
    },
    refusals: ['invalid_delay'],
    async run({ tokens: authority, caller, clock }, { name, role, principal, expiresIn = '90d' }) {
      const forMs = parseDuration(expiresIn)
      if (isRefusal(forMs)) return forMs
      const kind = role === 'agent' || role === 'worker' ? role : 'service'
      const stands = principal ?? `${kind}:${name.replace(/[^\w.@-]+/g, '-')}`
      // An agent's limits must not depend on which role its token happened to get.
      if (stands.startsWith('agent:') !== (role === 'agent')) {
        return refuse('invalid_input', 'Agents have the role agent, and nobody else has.')
      }
      const created = await authority.create({
        name,
        principal: stands,
        tenant: caller.tenant,
        role,
        expiresAt: clock.now() + forMs,
      })
      return isRefusal(created) ? created : { ...created.view, token: created.token }
    },
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'token list',
    summary: 'List tokens, without their secrets.',
    permission: 'token.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/tokens' },
    cli: {
      words: 'token list',
      columns: ['id', 'name', 'principal', 'role', 'createdAt', 'expiresAt', 'lastUsedAt', 'revokedAt'],
    },
    refusals: [],
    run: async ({ tokens: authority, caller }) => ({ items: await authority.list(caller.tenant) }),
  }),
  command({
    name: 'token revoke',
    summary: 'Revoke a token; it and the sessions it began end at once.',
    permission: 'token.revoke',
    input: z.strictObject({ id: z.string().min(1).max(64).describe('Id of the token.') }),
    http: { method: 'DELETE', path: '/v1/tokens/{id}' },
    cli: { words: 'token revoke', positionals: ['id'] },
    refusals: ['not_found'],
    run: ({ tokens: authority, caller }, input) => authority.revoke(input.id, caller.tenant),
  }),
  command({
    name: 'sign-in',
    summary: 'Get a link that signs a browser in once, within ten minutes.',
    permission: 'session.create',
    input: z.strictObject({}),
    http: {
      method: 'POST',
      path: '/v1/sign-in-links',
      statuses: [201],
    },
    cli: { words: 'sign-in' },
    refusals: [],
    async run({ tokens: authority, caller }) {
      if (caller.tokenId === '') {
        return refuse('not_signed_in', 'A link carries the rights of a token into a browser, and this caller has none.')
      }
      const { ticket, expiresAt } = authority.ticket(caller)
      return { path: `/signin?ticket=${ticket}`, expiresAt }
    },
    respond: (body) => ({ status: 201, body }),
  }),
]
