import { describe, expect, test } from 'vitest'
import { isRole, may, permissions, roles } from '../commands/permissions.ts'
import { isRefusal } from '../errors/refusal.ts'
import { seededRandom } from '../identity/random.ts'
import type { RightsChange } from './change.ts'
import { decideRight, mayStillSubmit, type RightAsked } from './decide-right.ts'
import { covers, isPattern, matches } from './narrowing.ts'
import { Rights } from './rights.ts'

const unsaid = { actions: null, subjects: null, levelMax: null, permissions: null, ref: null, expiresAt: null }
const told = { ...unsaid, tenant: 'acme', by: 'human:root', reason: 'test', at: 0 }
type Said = Pick<RightsChange, 'kind' | 'principal' | 'role'> & Partial<RightsChange>
const rightsOf = (...said: readonly Said[]): Rights =>
  Rights.none.after(said.map((one, index) => ({ ...told, version: index + 1, ...one })))
const grant = (principal: string, role: string, more: Partial<RightsChange> = {}): Said => ({
  kind: 'grant',
  principal,
  role,
  ...more,
})
const alice = 'human:alice'
const ask = (rights: Rights, more: Partial<RightAsked> = {}) =>
  decideRight(rights, {
    tenant: 'acme',
    principal: alice,
    role: 'admin',
    permission: 'execution.cancel',
    about: null,
    now: 100,
    ...more,
  })
const reachOf = (rights: Rights, more: Partial<RightAsked> = {}): string => {
  const decided = ask(rights, more)
  return isRefusal(decided) ? 'none' : decided.reach
}

describe('SE-32 one decision says who may do what', () => {
  test('SE-32 without a grant the role of the token decides, each permission as the table has it', () => {
    for (const role of roles)
      for (const permission of permissions)
        expect(reachOf(Rights.none, { role, permission }), `${role} ${permission}`).toBe(may(role, permission))
    expect(reachOf(Rights.none, { role: 'emperor' })).toBe('none')
    expect(reachOf(Rights.none, { permission: 'execution.destroy' })).toBe('none')
  })

  test('SE-32 with a grant the token narrows and never widens, for every pair of roles and every permission', () => {
    const width = { none: 0, own: 1, any: 2 } as const
    for (const held of roles) {
      const rights = rightsOf(grant(alice, held))
      for (const role of roles)
        for (const permission of permissions) {
          const [granted, carried] = [may(held, permission), may(role, permission)]
          const reach = width[granted] < width[carried] ? granted : carried
          expect(reachOf(rights, { role, permission }), `${held} ${role} ${permission}`).toBe(reach)
        }
    }
  })

  test('SE-32 whoever was granted something once holds nothing when the last grant is taken back, whatever the token says', () => {
    const before = rightsOf(grant(alice, 'operator'))
    expect(reachOf(before)).toBe('any')
    const after = before.after([{ ...told, version: 2, kind: 'revoke', principal: alice, role: 'operator', ref: '1' }])
    expect(reachOf(after)).toBe('none')
    expect(reachOf(after, { principal: 'human:bob' })).toBe('any')
    expect(reachOf(after, { tenant: 'globex' })).toBe('any')
  })

  test('SE-32 a grant narrowed to actions or subjects reaches those alone, and nothing that concerns all of a tenant', () => {
    const rights = rightsOf(grant(alice, 'operator', { actions: 'quote.* crm.sync', subjects: 'quote:*' }))
    const about = (action: string | null, subject: string | null) => reachOf(rights, { about: { action, subject } })
    expect(about('quote.send', 'quote:7')).toBe('any')
    expect(about('crm.sync', 'quote:7')).toBe('any')
    expect(about('crm.sync_all', 'quote:7')).toBe('none')
    expect(about('quote', 'quote:7')).toBe('none')
    expect(about('quote.send', 'lead:7')).toBe('none')
    expect(about('quote.send', null)).toBe('none')
    expect(about(null, 'quote:7')).toBe('none')
    expect(reachOf(rights, { about: null })).toBe('none')
    expect(ask(rights, { about: 'later' })).toMatchObject({
      reach: 'any',
      isNarrowed: true,
      by: 'grant 1 (operator)',
      version: 1,
    })
  })

  test('SE-32 a grant with a highest level approves up to it', () => {
    const rights = rightsOf(grant(alice, 'operator', { levelMax: 2 }))
    expect([0, 1, 2, 3].map((level) => reachOf(rights, { level }))).toEqual(['any', 'any', 'any', 'none'])
    expect(reachOf(rightsOf(grant(alice, 'operator')), { level: 3 })).toBe('any')
  })

  test('SE-32 of several grants the widest that fits is taken, and named', () => {
    const rights = rightsOf(
      grant(alice, 'submitter'),
      grant(alice, 'operator', { actions: 'quote.*' }),
      grant(alice, 'viewer'),
    )
    expect(ask(rights, { about: { action: 'quote.send', subject: null } })).toMatchObject({ by: 'grant 2 (operator)' })
    expect(ask(rights, { about: { action: 'crm.sync', subject: null }, isOwn: true })).toMatchObject({
      reach: 'own',
      by: 'grant 1 (submitter)',
    })
    expect(reachOf(rights, { about: { action: 'crm.sync', subject: null }, isOwn: false })).toBe('none')
  })

  test('SE-32 what a group holds its members hold, until they or it lose it', () => {
    const rights = rightsOf(grant('group:sales', 'operator'), grant(alice, 'group:sales'))
    expect(ask(rights)).toMatchObject({ reach: 'any', by: 'grant 1 (operator)' })
    const revoke = { ...told, version: 3, kind: 'revoke' as const, role: '' }
    expect(reachOf(rights.after([{ ...revoke, principal: alice, ref: '2' }]))).toBe('none')
    expect(reachOf(rights.after([{ ...revoke, principal: 'group:sales', ref: '1' }]))).toBe('none')
  })

  test('SE-32 a custom role holds what it was defined with last, and nothing once it is ended', () => {
    const define = (permissions: string): Said => ({ kind: 'role', principal: null, role: 'seller', permissions })
    const holder = grant(alice, 'seller')
    expect(reachOf(rightsOf(define('execution.cancel'), holder))).toBe('any')
    expect(reachOf(rightsOf(define('execution.cancel:own'), holder), { isOwn: false })).toBe('none')
    expect(reachOf(rightsOf(define('execution.cancel'), holder, define('ops.read')))).toBe('none')
    expect(reachOf(rightsOf(define('execution.cancel'), holder, define('')))).toBe('none')
    expect(isRole('seller')).toBe(false)
  })

  test.each(['agent', 'worker'] as const)('REL-06b whatever the %s holds, it keeps to what its kind may', (kind) => {
    for (const held of roles)
      for (const role of roles)
        for (const permission of permissions) {
          const principal = `${kind}:x`
          const most = may(kind, permission)
          for (const rights of [Rights.none, rightsOf(grant(principal, held))]) {
            const reach = reachOf(rights, { principal, role, permission })
            expect(['none', ...(most === 'none' ? [] : ['own', most])], `${held} ${role} ${permission}`).toContain(
              reach,
            )
          }
        }
  })

  test('SE-32 a refusal says what is lacking and what is held', () => {
    const rights = rightsOf(grant(alice, 'viewer'))
    expect(ask(rights)).toMatchObject({
      code: 'not_permitted',
      reason: 'human:alice lacks execution.cancel: it holds viewer in acme, with a token of the role admin.',
      details: { permission: 'execution.cancel', principal: alice, tenant: 'acme', rightsVersion: 1 },
    })
  })
})

describe('SE-32 the requester is asked about again', () => {
  const request = { tenant: 'acme', requestedBy: alice, action: 'quote.send', subject: 'quote:7' }
  const token = (
    kind: 'token' | 'token_revoked',
    id: string,
    role = 'operator',
    expiresAt: number | null = null,
  ): Said => ({
    kind,
    principal: alice,
    role,
    ref: id,
    expiresAt,
  })
  const verdict = (rights: Rights) => {
    const right = mayStillSubmit(rights, request, 100)
    return right === null ? 'unasked' : isRefusal(right) ? 'lost' : 'held'
  }

  test('SE-32 nobody is asked about whose rights were never changed', () => {
    expect(verdict(Rights.none)).toBe('unasked')
    expect(verdict(rightsOf(token('token', 'T1', 'viewer')))).toBe('unasked')
    expect(verdict(rightsOf(grant('human:bob', 'viewer')))).toBe('unasked')
  })

  test('SE-32 a revoked token takes the right unless another one of the principal is good; an expired one does not', () => {
    const gone = [token('token', 'T1'), token('token_revoked', 'T1')]
    expect(verdict(rightsOf(...gone))).toBe('lost')
    expect(verdict(rightsOf(...gone, token('token', 'T2')))).toBe('held')
    expect(verdict(rightsOf(...gone, token('token', 'T2', 'viewer')))).toBe('lost')
    expect(verdict(rightsOf(...gone, token('token', 'T2', 'operator', 100)))).toBe('lost')
    expect(verdict(rightsOf(...gone, token('token', 'T2', 'operator', 101)))).toBe('held')
    expect(verdict(rightsOf(token('token', 'T1', 'operator', 1)))).toBe('unasked')
  })

  test('SE-32 with a grant its role, actions and subjects decide', () => {
    expect(verdict(rightsOf(grant(alice, 'submitter')))).toBe('held')
    expect(verdict(rightsOf(grant(alice, 'viewer')))).toBe('lost')
    expect(verdict(rightsOf(grant(alice, 'submitter', { actions: 'crm.*' })))).toBe('lost')
    expect(verdict(rightsOf(grant(alice, 'submitter', { subjects: 'quote:8' })))).toBe('lost')
    expect(verdict(rightsOf(grant(alice, 'submitter'), token('token', 'T1'), token('token_revoked', 'T1')))).toBe(
      'held',
    )
  })
})

test('SE-32 a pattern is a name or a beginning and a star, and covers what it lets through', () => {
  for (const legal of ['*', 'quote.*', 'quote:Q-42', 'q*', 'größe:*']) expect(isPattern(legal)).toBe(true)
  for (const illegal of ['', ' ', 'a b', 'a*b', '**', '*a', '\ud800', `${'a'.repeat(201)}`])
    expect(isPattern(illegal)).toBe(false)
  const random = seededRandom('patterns')
  const alphabet = ['a', 'b', '.', '*']
  const draw = (): string => Array.from({ length: 1 + random.int(3) }, () => alphabet[random.int(4)]).join('')
  const names = ['a', 'b', 'ab', 'a.', 'a.b', 'ba', 'aa', 'bb.a', '.']
  for (let round = 0; round < 3_000; round += 1) {
    const [outer, inner] = [[draw(), draw()].filter(isPattern), [draw(), draw()].filter(isPattern)]
    if (outer.length === 0 || inner.length === 0) continue
    const wide = { actions: outer, subjects: null, levelMax: null }
    if (!covers(wide, { actions: inner, subjects: null, levelMax: null })) continue
    for (const name of names.filter((each) => matches(inner, each))) expect(matches(outer, name)).toBe(true)
  }
  const some = { actions: ['a*'], subjects: null, levelMax: 1 }
  expect(covers(some, { ...some, actions: null })).toBe(false)
  expect(covers(some, { ...some, levelMax: null })).toBe(false)
  expect(covers(some, { ...some, levelMax: 2 })).toBe(false)
  expect(covers(some, { ...some, subjects: ['x'], levelMax: 0 })).toBe(true)
})
