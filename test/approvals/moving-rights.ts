/** Changes of rights between any two steps of a history: grants, memberships, one role's permissions, and all of it taken back. */
import type { Random } from '../../src/identity/random.ts'
import type { Op } from './drivers.ts'
import { type Oracle, requester } from './oracle.ts'
import { type Asked, ownRole, people } from './seats.ts'
import type { Reached } from './setting.ts'

const holders = ['human:ada', 'human:ada', 'human:bob', 'human:eve', 'human:kim', 'group:finance', 'group:legal']
const roles = ['operator', 'operator', 'operator', 'operator', 'submitter', 'viewer', ownRole]
const memberships = ['group:finance', 'group:legal']
const sets: readonly (readonly Asked[])[] = [[], ['submit'], ['approve'], ['submit', 'approve']]
const unsaid = {
  principal: null,
  role: '',
  actions: null,
  subjects: null,
  levelMax: null,
  permissions: null,
  ref: null,
}

/** Where the worker is when rights change. */
export type At = 'before the claim' | 'between claim and intent' | 'between intent and outcome'

export function changeOfRights(
  random: Random,
  oracle: Oracle,
  reached: Reached,
  at: () => At,
): { op: Op; expected: () => boolean } {
  const pick = <T>(of: readonly T[]): T => of[random.int(of.length)] as T
  const { seats } = oracle
  const told = (op: Op, change: () => boolean) => ({ op, expected: () => watched(oracle, reached, at, change) })
  const dice = random.int(10)
  if (dice < 4 && seats.seats.length > 0) {
    const { id } = pick(seats.seats)
    return told({ kind: 'rights', wanted: { ...unsaid, kind: 'revoke', ref: String(id) } }, () => {
      const isThere = seats.seats.some((seat) => seat.id === id)
      seats.revoke(id)
      return isThere
    })
  }
  if (dice === 9) {
    const holds = pick(sets)
    const permissions = holds.map((asked) => `execution.${asked}`).join(' ')
    return told({ kind: 'rights', wanted: { ...unsaid, kind: 'role', role: ownRole, permissions } }, () => {
      if (holds.length === 0 && seats.holds.length === 0) return false
      seats.holds = holds
      reached.note('the permissions of a role changed')
      return true
    })
  }
  const who = pick(holders)
  const isMember = !who.startsWith('group:') && random.int(3) === 0
  const role = isMember ? pick(memberships) : pick(roles)
  const levelMax = isMember ? null : pick([null, null, null, null, 1, 2])
  const isElsewhere = !isMember && random.int(8) === 0
  let id = 0
  const wanted = {
    ...unsaid,
    kind: 'grant' as const,
    principal: who,
    role,
    levelMax,
    actions: isElsewhere ? 'b' : null,
  }
  const granted = (version: number): void => {
    id = version
  }
  const op: Op = { kind: 'rights', wanted, granted }
  return told(op, () => {
    if (role === ownRole && seats.holds.length === 0) return false
    seats.grant({ id, who, role, levelMax, isElsewhere })
    return true
  })
}

/** What this change has come to for whoever asked, and for whoever has agreed. */
function watched(oracle: Oracle, reached: Reached, at: () => At, change: () => boolean): boolean {
  const voters = new Set(oracle.votes.filter(({ isLive }) => isLive).map(({ voter }) => voter))
  const rightsOf = () => Object.keys(people).map((who) => [who, oracle.isStillEntitled(who)] as const)
  const [asked, entitled] = [oracle.maySubmit, new Map(rightsOf())]
  const isChanged = change()
  if (oracle.isOver) return isChanged
  if (asked && !oracle.maySubmit) reached.note(`${requester.slice(6)} lost the right to ask ${at()}`)
  if (!asked && oracle.maySubmit) reached.note('the right to ask came back')
  for (const [who, may] of rightsOf()) {
    if (!voters.has(who)) continue
    if (!may && entitled.get(who) === true) reached.note(`a voter lost the right ${at()}`)
    if (may && entitled.get(who) === false) reached.note('the right of a voter came back before anybody looked')
  }
  return isChanged
}
