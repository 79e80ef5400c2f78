import { DatabaseSync } from 'node:sqlite'

const open = 'select 1 from execution_effects where state in (1, 2) and effect_key = ? and fence >= ? and intents >= ?'
const concluded = 'select 1 from execution_effects where effect_key = ? and fence >= ? and intents >= ?'

/** Looks into the tables as somebody from outside: what is not committed cannot be seen. */
export class CommittedIntents {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Whether this effect has been intended so often, under this fence or, for a request that was overtaken, a newer one. Each
   * look has a connection of its own: one that stays would keep alive what a killed server must be able to lose.
   */
  has(effectKey: string, fence: number, times: number): boolean {
    const database = new DatabaseSync(this.#path, { readOnly: true, timeout: 5_000 })
    try {
      // What is under way is found by an index; what somebody else has concluded meanwhile is not.
      return [open, concluded].some((text) => database.prepare(text).get(effectKey, fence, times) !== undefined)
    } finally {
      database.close()
    }
  }
}
