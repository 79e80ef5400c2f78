/**
 * Who may do what, written down a second time and apart from `src/rights`: grants, groups, one role of its own, levels and
 * actions. Whoever was never granted anything may do what the program around him lets him do.
 */
export interface Seat {
  readonly id: number
  readonly who: string
  /** A role, or a group that it makes a member of. */
  readonly role: string
  readonly levelMax: number | null
  /** It is for another action than the one that is played. */
  readonly isElsewhere: boolean
}

export type Asked = 'submit' | 'approve'

/** Who plays, and what each is a member of while nobody was ever granted anything. */
export const people: Readonly<Record<string, readonly string[]>> = {
  'human:ada': ['sales'],
  'human:bob': ['finance', 'sales'],
  'human:eve': ['finance'],
  'human:kim': ['legal'],
  'agent:bot': ['finance'],
}

/** Whoever changes rights, and that role whose permissions are changed. */
export const admin = 'human:root'
export const ownRole = 'seat'

const levels = ['auto', 'confirm', 'plan_review', 'step_by_step']

export class Seats {
  readonly seats: Seat[] = []
  /** What the role of its own holds. */
  holds: readonly Asked[] = []
  readonly #ever = new Set<string>()

  grant(seat: Seat): void {
    this.seats.push(seat)
    this.#ever.add(seat.who)
  }

  revoke(id: number): void {
    const at = this.seats.findIndex((seat) => seat.id === id)
    if (at >= 0) this.seats.splice(at, 1)
  }

  isGranted(who: string): boolean {
    return this.#ever.has(who)
  }

  #of(who: string): readonly Seat[] {
    return this.seats.filter((seat) => seat.who === who)
  }

  /** What somebody holds, by himself or through a group. */
  #held(who: string, level: string | null): readonly Seat[] {
    const own = this.#of(who)
    const groups = own.filter(({ role }) => role.startsWith('group:'))
    const all = [...own.filter((seat) => !groups.includes(seat)), ...groups.flatMap(({ role }) => this.#of(role))]
    const height = level === null ? 0 : levels.indexOf(level)
    return all.filter(({ levelMax, isElsewhere }) => !isElsewhere && (levelMax === null || height <= levelMax))
  }

  may(who: string, asked: Asked, level: string | null): boolean {
    if (!this.isGranted(who)) return true
    return this.#held(who, level).some(({ role }) => this.#gives(role, asked))
  }

  #gives(role: string, asked: Asked): boolean {
    if (role === 'operator') return true
    if (role === 'submitter') return asked === 'submit'
    return role === ownRole && this.holds.includes(asked)
  }

  isMember(who: string, group: string): boolean {
    if (!this.isGranted(who)) return people[who]?.includes(group) === true
    return this.#of(who).some(({ role }) => role === `group:${group}`)
  }
}
