import { expect, test } from 'vitest'
import type { RightsChange } from './change.ts'
import { refuseChange, type WantedChange } from './decide-change.ts'
import { Rights } from './rights.ts'

const unsaid = { principal: null, actions: null, subjects: null, levelMax: null, permissions: null, ref: null }
const told = { ...unsaid, expiresAt: null, tenant: 'acme', by: 'human:root', reason: 'test', at: 0 }
type Said = Pick<RightsChange, 'kind' | 'role'> & Partial<RightsChange>
const rightsOf = (...said: readonly Said[]): Rights =>
  Rights.none.after(said.map((one, index) => ({ ...told, version: index + 1, ...one })))
const grant = (principal: string, role: string, more: Partial<WantedChange> = {}): WantedChange => ({
  ...unsaid,
  kind: 'grant',
  principal,
  role,
  ...more,
})
const root = { tenant: 'acme', principal: 'human:root', role: 'admin', now: 10 }
const codeOf = (rights: Rights, wanted: WantedChange, by = root) => refuseChange(rights, wanted, by)?.code ?? 'done'

test('SE-32 a grant names a principal and a role that there are', () => {
  expect(codeOf(Rights.none, grant('human:alice', 'operator'))).toBe('done')
  expect(codeOf(Rights.none, grant('human:alice', 'emperor'))).toBe('unknown_role')
  expect(codeOf(Rights.none, grant('human:alice', '__proto__'))).toBe('unknown_role')
  for (const principal of ['alice', 'system:engine', 'human:', 'human:a b', 'root:alice', ''])
    expect(codeOf(Rights.none, grant(principal, 'operator'))).toBe('invalid_input')
  expect(codeOf(Rights.none, grant('human:alice', 'operator', { actions: 'a*b' }))).toBe('invalid_pattern')
  expect(codeOf(Rights.none, grant('human:alice', 'operator', { subjects: '**' }))).toBe('invalid_pattern')
})

test('REL-06b an agent and a worker are granted nothing beyond their kind', () => {
  for (const role of ['admin', 'operator', 'submitter', 'viewer', 'worker'])
    expect(codeOf(Rights.none, grant('agent:bot', role))).toBe('grant_exceeds_kind')
  expect(codeOf(Rights.none, grant('agent:bot', 'agent', { actions: 'quote.*' }))).toBe('done')
  expect(codeOf(Rights.none, grant('worker:w', 'operator'))).toBe('grant_exceeds_kind')
  expect(codeOf(Rights.none, grant('worker:w', 'worker'))).toBe('done')
  const bot = (permissions: string) => rightsOf({ kind: 'role', role: 'bot', permissions })
  expect(codeOf(bot('execution.submit execution.get:own'), grant('agent:bot', 'bot'))).toBe('done')
  expect(codeOf(bot('execution.submit execution.get'), grant('agent:bot', 'bot'))).toBe('grant_exceeds_kind')
  expect(codeOf(Rights.none, grant('agent:bot', 'group:sales'))).toBe('grant_exceeds_kind')
})

test('SE-32 a group has members that are no groups, and membership is not narrowed', () => {
  expect(codeOf(Rights.none, grant('human:alice', 'group:sales'))).toBe('done')
  expect(codeOf(Rights.none, grant('group:a', 'group:b'))).toBe('invalid_input')
  expect(codeOf(Rights.none, grant('human:alice', 'group:sales', { actions: 'quote.*' }))).toBe('invalid_input')
  expect(codeOf(Rights.none, grant('human:alice', 'group:no such'))).toBe('unknown_role')
})

test('SE-32 nobody gives or takes back more than he holds', () => {
  const keeper = { ...root, principal: 'human:keeper' }
  const rights = rightsOf(
    {
      kind: 'role',
      role: 'keeper',
      permissions: 'role.grant role.revoke role.define execution.submit execution.get:own',
    },
    { kind: 'grant', principal: 'human:keeper', role: 'keeper', actions: 'quote.*', levelMax: 1 },
    { kind: 'role', role: 'small', permissions: 'execution.submit' },
    { kind: 'role', role: 'seeing', permissions: 'execution.get' },
    { kind: 'grant', principal: 'human:boss', role: 'operator' },
    { kind: 'grant', principal: 'group:bosses', role: 'operator' },
  )
  const within = { actions: 'quote.send', levelMax: 1 }
  expect(codeOf(rights, grant('human:bob', 'small', within), keeper)).toBe('done')
  expect(codeOf(rights, grant('human:bob', 'small', { ...within, actions: null }), keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, grant('human:bob', 'small', { ...within, actions: 'crm.*' }), keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, grant('human:bob', 'small', { ...within, levelMax: 2 }), keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, grant('human:bob', 'seeing', within), keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, grant('human:bob', 'operator', within), keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, grant('human:keeper', 'group:bosses'), keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, { ...unsaid, kind: 'revoke', role: '', ref: '5' }, keeper)).toBe('grant_exceeds_own')
  expect(codeOf(rights, { ...unsaid, kind: 'revoke', role: '', ref: '2' }, keeper)).toBe('done')
  expect(codeOf(rights, { ...unsaid, kind: 'role', role: 'keeper', permissions: 'effect.resolve' }, keeper)).toBe(
    'grant_exceeds_own',
  )
  // What the token does not carry cannot be handed on either.
  expect(codeOf(rights, grant('human:bob', 'operator'), { ...root, role: 'viewer' })).toBe('grant_exceeds_own')
})

test('SE-32 a role is defined of permissions that there are, under a name that is not built in', () => {
  const role = (name: string, permissions: string): WantedChange => ({
    ...unsaid,
    kind: 'role',
    role: name,
    permissions,
  })
  expect(codeOf(Rights.none, role('seller', 'execution.submit execution.cancel:own'))).toBe('done')
  expect(codeOf(Rights.none, role('seller', 'execution.destroy'))).toBe('unknown_permission')
  expect(codeOf(Rights.none, role('seller', 'execution.submit:all'))).toBe('unknown_permission')
  expect(codeOf(Rights.none, role('admin', 'ops.read'))).toBe('invalid_input')
  expect(codeOf(Rights.none, role('group:x', 'ops.read'))).toBe('invalid_input')
  expect(codeOf(Rights.none, role('seller', ''))).toBe('unknown_role')
})

test('SE-32 a grant is taken back once, and only within its tenant', () => {
  const rights = rightsOf({ kind: 'grant', principal: 'human:alice', role: 'viewer' })
  const revoke: WantedChange = { ...unsaid, kind: 'revoke', role: '', ref: '1' }
  expect(codeOf(rights, revoke)).toBe('done')
  expect(codeOf(rights, revoke, { ...root, tenant: 'globex' })).toBe('not_found')
  const after = rights.after([
    { ...told, version: 2, kind: 'revoke', principal: 'human:alice', role: 'viewer', ref: '1' },
  ])
  expect(codeOf(after, revoke)).toBe('not_found')
})

test('SE-32 the last who could grant a role locks nobody out, by whichever change', () => {
  const token = (principal: string, role: string, expiresAt: number | null = null): Said => ({
    kind: 'token',
    principal,
    role,
    ref: `T-${principal}`,
    expiresAt,
  })
  const alone = rightsOf(token('human:root', 'admin'))
  expect(codeOf(alone, grant('human:root', 'operator'))).toBe('last_admin')
  expect(codeOf(alone, grant('human:root', 'admin', { actions: 'quote.*' }))).toBe('last_admin')
  expect(codeOf(alone, grant('human:root', 'admin'))).toBe('done')
  const other = (...said: Said[]) => rightsOf(token('human:root', 'admin'), ...said)
  expect(codeOf(other(token('human:eve', 'admin')), grant('human:root', 'operator'))).toBe('done')
  expect(codeOf(other(token('human:eve', 'operator')), grant('human:root', 'operator'))).toBe('last_admin')
  expect(codeOf(other(token('human:eve', 'admin', 10)), grant('human:root', 'operator'))).toBe('last_admin')
  expect(codeOf(other(token('agent:eve', 'admin')), grant('human:root', 'operator'))).toBe('last_admin')
  const granted = other({ kind: 'grant', principal: 'human:root', role: 'admin' })
  expect(codeOf(granted, { ...unsaid, kind: 'revoke', role: '', ref: '2' })).toBe('last_admin')
  // Where nobody signs in by a token, programs decide who acts, and nobody is locked out.
  expect(codeOf(Rights.none, grant('service:embedded', 'viewer'))).toBe('done')
})
