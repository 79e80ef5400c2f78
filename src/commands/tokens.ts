import { z } from 'zod'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { TokenScope } from '../store/sign-in.ts'
import { parseDuration } from '../time/duration.ts'
import { command } from './command.ts'
import { permissions, roles } from './permissions.ts'
import { mayMake } from './scope.ts'

const tokenId = z.string().min(1).max(64).describe('Id of the token.')
const overlapMsMax = 7 * 86_400_000

const names = z
  .string()
  .regex(/^[\w.:-]{1,200}(?:,[\w.:-]{1,200}){0,63}$/, 'must be names with commas between')
  .optional()

interface Narrowed {
  readonly permissions?: string | undefined
  readonly actions?: string | undefined
}

/** What a new token is narrowed to; where nothing is said, to what its maker is narrowed to. */
function scopeOf({ permissions: some, actions }: Narrowed, maker: TokenScope | undefined): TokenScope | null | Refusal {
  const wanted = some?.split(',') ?? maker?.permissions
  const unknown = wanted?.find((each) => !(permissions as readonly string[]).includes(each))
  if (unknown !== undefined) return refuse('invalid_input', `There is no permission ${unknown}.`)
  const scope = {
    ...(wanted === undefined ? {} : { permissions: [...new Set(wanted)] }),
    ...(actions === undefined && maker?.actions === undefined
      ? {}
      : { actions: [...new Set(actions?.split(',') ?? maker?.actions)] }),
  }
  return Object.keys(scope).length === 0 ? null : scope
}

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
      permissions: names.describe('Narrow it to these permissions of its role, with commas between: `execution.get`.'),
      actions: names.describe('Narrow it to these actions and their executions, with commas between.'),
    }),
    http: { method: 'POST', path: '/v1/tokens', statuses: [201] },
    cli: {
      words: 'token create',
      positionals: ['name'],
      examples: [
        'pawl token create crm-bridge --role submitter --expires-in 30d',
        'pawl token create pdf-bot --role submitter --permissions execution.submit,execution.get --actions quote.render_pdf',
      ],
    },
    refusals: ['invalid_delay'],
    async run({ tokens: authority, plane, caller, clock }, { name, role, principal, expiresIn = '90d', ...narrowed }) {
      const forMs = parseDuration(expiresIn)
      if (isRefusal(forMs)) return forMs
      const scope = scopeOf(narrowed, caller.scope)
      if (isRefusal(scope)) return scope
      if (role === 'worker' && scope?.actions !== undefined) {
        return refuse('invalid_input', 'A worker says itself which actions it runs; its token is for all of them.')
      }
      if (!mayMake(await plane.whoMay.current(), caller, { role, scope }, clock.now()))
        return refuse('not_permitted', 'A token must not do more than its maker may.')
      const kind = role === 'agent' || role === 'worker' ? role : 'service'
      const stands = principal ?? `${kind}:${name.replace(/[^\w.@-]+/g, '-')}`
      // An agent's limits must not depend on which role its token happened to get.
      if (stands.startsWith('agent:') !== (role === 'agent')) {
        return refuse('invalid_input', 'Agents have the role agent, and nobody else has.')
      }
      const created = await authority.create(
        {
          name,
          principal: stands,
          tenant: caller.tenant,
          role,
          scope,
          expiresAt: clock.now() + forMs,
        },
        caller.principal,
      )
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
      columns: ['id', 'name', 'principal', 'role', 'scope', 'createdAt', 'expiresAt', 'lastUsedAt', 'revokedAt'],
    },
    refusals: [],
    run: async ({ tokens: authority, caller }) => ({ items: await authority.list(caller.tenant) }),
  }),
  command({
    name: 'token rotate',
    summary: 'Give a token a new text, shown once; the old one is good for the overlap, then it and its sessions end.',
    permission: 'token.rotate',
    input: z.strictObject({
      id: tokenId,
      overlap: z
        .string()
        .max(40)
        .optional()
        .describe('How long the old text is good, too: `1h`, up to `7d`; `0s` ends it at once.'),
      expiresIn: z.string().max(40).optional().describe('A new end from now on; the old end stays when not given.'),
    }),
    http: { method: 'POST', path: '/v1/tokens/{id}/rotate' },
    cli: { words: 'token rotate', positionals: ['id'], examples: ['pawl token rotate 7k2m9x4q1w8z --overlap 1h'] },
    refusals: ['not_found', 'invalid_delay'],
    async run({ tokens: authority, plane, caller, clock }, { id, overlap = '0s', expiresIn }) {
      const overlapMs = parseDuration(overlap)
      if (isRefusal(overlapMs)) return overlapMs
      if (overlapMs > overlapMsMax) return refuse('invalid_delay', 'The old text may be good for seven days at most.')
      const forMs = expiresIn === undefined ? null : parseDuration(expiresIn)
      if (isRefusal(forMs)) return forMs
      const found = await authority.find(id, caller.tenant)
      if (isRefusal(found)) return found
      // Whoever gets the new text can do what the token may.
      if (!mayMake(await plane.whoMay.current(), caller, found, clock.now()))
        return refuse('not_permitted', 'This token may do more than whoever asks.')
      const rotated = await authority.rotate(id, caller.tenant, {
        overlapMs,
        expiresAt: forMs === null ? null : clock.now() + forMs,
      })
      return isRefusal(rotated) ? rotated : { ...rotated.view, token: rotated.token }
    },
  }),
  command({
    name: 'token revoke',
    summary: 'Revoke a token; it and the sessions it began end at once.',
    permission: 'token.revoke',
    input: z.strictObject({ id: tokenId }),
    http: { method: 'DELETE', path: '/v1/tokens/{id}' },
    cli: { words: 'token revoke', positionals: ['id'] },
    refusals: ['not_found', 'last_admin'],
    run: ({ tokens: authority, caller }, input) => authority.revoke(input.id, caller.tenant, caller.principal),
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
      const offered = await authority.offer(caller)
      if (isRefusal(offered)) return offered
      return { path: `/signin?ticket=${offered.ticket}`, expiresAt: offered.expiresAt }
    },
    respond: (body) => ({ status: 201, body }),
  }),
  command({
    name: 'sign-out',
    summary: 'End the session that the request came with, or every session and unused sign-in link of the principal.',
    permission: 'session.end',
    input: z.strictObject({
      everywhere: z.boolean().optional().describe('All of them, in every browser; tokens stay.'),
    }),
    http: { method: 'POST', path: '/v1/sign-outs' },
    cli: { words: 'sign-out', examples: ['pawl sign-out --everywhere'] },
    refusals: [],
    async run({ tokens: authority, caller }, { everywhere = false }) {
      const ended = await authority.signOut(caller, everywhere)
      return isRefusal(ended) ? ended : { ended }
    },
  }),
]
