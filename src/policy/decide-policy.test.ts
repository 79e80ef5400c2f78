import { expect, test } from 'vitest'
import type { RightsChange } from '../rights/change.ts'
import { Rights } from '../rights/rights.ts'
import { refusePolicy } from './decide-policy.ts'
import type { ApprovalRule } from './document.ts'

const rule = (name: string, require: ApprovalRule['require']): ApprovalRule => ({ name, require })
const member = (version: number, principal: string, role: string): RightsChange => ({
  version,
  tenant: 'acme',
  kind: 'grant',
  principal,
  role,
  actions: null,
  subjects: null,
  levelMax: null,
  permissions: null,
  ref: null,
  expiresAt: null,
  by: 'human:root',
  reason: '',
  at: 0,
})
const rights = Rights.none.after([
  member(1, 'human:ada', 'group:sre'),
  member(2, 'human:bob', 'group:sre'),
  member(3, 'agent:bot', 'group:sre'),
  { ...member(4, '', 'seller'), kind: 'role', principal: null, permissions: 'execution.approve' },
  member(5, 'human:bob', 'group:finance'),
])
const refusalOf = (require: ApprovalRule['require'], tenant = 'acme') =>
  refusePolicy({ approvals: [rule('fine', { level: 'confirm' }), rule('r', require)] }, rights, tenant)

test('SE-31 an impossible quorum is refused: more votes than the groups have members who can vote', () => {
  expect(refusalOf({ groups: ['sre'], quorum: 2 })).toBeNull()
  expect(refusalOf({ groups: ['sre'], quorum: 3 })).toMatchObject({
    code: 'impossible_quorum',
    details: { rule: 'r', quorum: 3, members: 2, groups: ['sre'] },
  })
  // Bob is in both and has one vote.
  expect(refusalOf({ groups: ['sre', 'finance'], quorum: 3 })?.code).toBe('impossible_quorum')
  // Who comes with a role by a token of tomorrow cannot be counted.
  expect(refusalOf({ groups: ['sre', 'operator'], quorum: 9 })).toBeNull()
  expect(refusalOf({ quorum: 9 })).toBeNull()
})

test('SE-31 an unknown group or role is refused, also one of another tenant', () => {
  expect(refusalOf({ groups: ['nobody'] })?.code).toBe('unknown_group')
  expect(refusalOf({ groups: ['group:sre'] })?.code).toBe('unknown_group')
  expect(refusalOf({ groups: ['sre'] }, 'globex')?.code).toBe('unknown_group')
  expect(refusalOf({ groups: ['seller'] })).toBeNull()
  expect(refusalOf({ groups: ['operator'] })).toBeNull()
})
