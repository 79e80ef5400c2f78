import type { Random } from '../../src/identity/random.ts'
import type { Op } from './drivers.ts'
import { type At, changeOfRights } from './moving-rights.ts'
import type { Oracle } from './oracle.ts'
import { people } from './seats.ts'
import type { Reached } from './setting.ts'

const foreign = 'f'.repeat(64)

export interface Said {
  readonly op: Op
  readonly expected: () => boolean
}

export interface SaidByPeoplePorts {
  readonly random: Random
  readonly oracle: Oracle
  readonly reached: Reached
  /** Of the plans that were made, by their number. */
  readonly hashes: ReadonlyMap<number, string>
  /** Rights change in this history. */
  readonly hasRights: boolean
  /** An effect was begun and its outcome is not on record. */
  readonly isCalled: () => boolean
  /** From here on the oracle says no more than what may begin. */
  readonly loosen: () => void
}

/** What many people say in one history: sensible or not, and to plans that are not there any more. */
export class SaidByPeople {
  readonly #ports: SaidByPeoplePorts

  constructor(ports: SaidByPeoplePorts) {
    this.#ports = ports
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#ports.random.int(of.length)] as T
  }

  /** The next command of somebody, and what the oracle says to it when its turn comes. */
  next(): Said {
    const { oracle } = this.#ports
    const who = this.#pick(Object.keys(people))
    const step =
      oracle.rules.level === 'step_by_step' && this.#ports.random.int(2) === 0
        ? this.#ports.random.int(oracle.rules.steps)
        : null
    const told = (op: Op, expected: () => boolean) => ({ op, expected })
    if (this.#ports.hasRights && this.#ports.random.int(8) === 0) {
      return changeOfRights(this.#ports.random, oracle, this.#ports.reached, () => this.#at())
    }
    switch (
      this.#pick([
        'approve',
        'approve',
        'approve',
        'approve',
        'approve',
        'revoke',
        'resume',
        'resume',
        'refresh',
        'rare',
      ])
    ) {
      case 'approve': {
        const known = [...this.#ports.hashes.keys()]
        const current = oracle.plan ?? -1
        const plan = this.#ports.random.int(8) === 0 ? this.#pick([-1, ...known]) : current
        const planHash = this.#ports.hashes.get(plan) ?? foreign
        return told(
          { kind: 'command', who, command: { type: 'approve', planHash, step, groups: people[who] ?? [] } },
          () => {
            this.#noteVote(who, plan, step)
            return oracle.approve(who, plan, step)
          },
        )
      }
      case 'revoke': {
        const voter = this.#pick(Object.keys(people))
        return told({ kind: 'command', who, command: { type: 'revoke_approval', voter, step, reason: 'r' } }, () => {
          const before = oracle.isApproved
          const at = oracle.place
          const isCalled = this.#ports.isCalled()
          const answer = oracle.revoke(voter, step)
          if (before && !oracle.isApproved && at === 'running') {
            this.#ports.reached.note(
              isCalled ? 'revoked between intent and outcome' : 'revoked between claim and intent',
            )
          }
          if (before && !oracle.isApproved && at === 'waiting') this.#ports.reached.note('revoked while it waited')
          return answer
        })
      }
      case 'resume':
        return told({ kind: 'command', who, command: { type: 'resume' } }, () => {
          if (oracle.place === 'requested' && !oracle.isApproved) this.#ports.reached.note('resumed without approval')
          if (oracle.place === 'queued') this.#ports.reached.note('resumed twice')
          if (oracle.place === 'approved' && oracle.isStale) this.#ports.reached.note('resumed with a stale plan')
          return oracle.resume()
        })
      case 'refresh':
        return told({ kind: 'command', who, command: { type: 'replan' } }, () => oracle.refresh())
      default:
        if (this.#ports.random.int(3) > 0)
          return told({ kind: 'command', who, command: { type: 'resume' } }, () => oracle.resume())
        if (this.#ports.random.int(2) === 0)
          return told({ kind: 'command', who, command: { type: 'cancel', reason: null } }, () => this.#canceled())
        return told({ kind: 'command', who, command: { type: 'reject', step: null, reason: 'r' } }, () => {
          if (oracle.isOpen && oracle.place === 'waiting' && !who.startsWith('agent:')) this.#ports.loosen()
          const answer = oracle.reject(who)
          if (answer && oracle.votes.length > 0) this.#ports.reached.note('rejected while approving')
          return answer
        })
    }
  }

  #at(): At {
    if (this.#ports.oracle.place !== 'running') return 'before the claim'
    return this.#ports.isCalled() ? 'between intent and outcome' : 'between claim and intent'
  }

  #canceled(): boolean {
    const { oracle } = this.#ports
    // An effect in doubt has to be looked at first; from here on only what may begin is of interest.
    if (oracle.isOpen) this.#ports.loosen()
    if (oracle.place === 'running') this.#ports.reached.note('cancelled between claim and intent')
    return oracle.cancel()
  }

  #noteVote(who: string, plan: number, step: number | null): void {
    const { oracle } = this.#ports
    if (!oracle.seats.may(who, 'approve', oracle.rules.level)) this.#ports.reached.note('approved without the right')
    else if (plan !== oracle.plan) this.#ports.reached.note('approved a stale plan')
    else if (oracle.replan !== 'no') this.#ports.reached.note('planned anew while approving')
    else if (who.startsWith('agent:')) this.#ports.reached.note('approved by an agent')
    else if (who === 'human:ada' && !oracle.rules.selfApproval) this.#ports.reached.note('approved by the requester')
    else if (oracle.votes.some((vote) => vote.isLive && vote.voter === who && vote.step === step))
      this.#ports.reached.note('approved twice')
    else if (oracle.useBy !== null && oracle.useBy <= oracle.now) this.#ports.reached.note('approved past its use')
    else if (oracle.rules.groups.length > 0 && !oracle.rules.groups.some((group) => oracle.seats.isMember(who, group)))
      this.#ports.reached.note('approved by a stranger')
  }
}
