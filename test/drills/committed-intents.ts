import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'

const concluded = 'select 1 from execution_effects where effect_key = $1 and fence >= $2 and intents >= $3'
/** What is under way is found by an index; what somebody else has concluded meanwhile is not. */
const texts = [`${concluded} and state in (1, 2)`, concluded]

/** Looks into the tables as somebody from outside: what is not committed cannot be seen. */
export interface CommittedIntents {
  /** Whether this effect has been intended so often, under this fence or, for a request that was overtaken, a newer one. */
  has(effectKey: string, fence: number, times: number): boolean | Promise<boolean>
}

export const intentsAt = (database: string): CommittedIntents =>
  database.startsWith('postgres:') ? new IntentsOnServer(database) : new IntentsInFile(database)

class IntentsInFile implements CommittedIntents {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Each look has a connection of its own: one that stays would keep alive what a killed server must be able to lose. */
  has(effectKey: string, fence: number, times: number): boolean {
    const database = new DatabaseSync(this.#path, { readOnly: true, timeout: 5_000 })
    try {
      // SQLite takes $1 for a name, and gives names no values by their place.
      const asked = texts.map((text) => database.prepare(text.replaceAll('$', '?')))
      return asked.some((statement) => statement.get(effectKey, fence, times) !== undefined)
    } finally {
      database.close()
    }
  }
}

/** A server that is away is asked again: whoever waits for the answer of the target waits meanwhile, too. */
class IntentsOnServer implements CommittedIntents {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 8, connectionTimeoutMillis: 5_000 })
    this.#pool.on('error', () => {})
  }

  async has(effectKey: string, fence: number, times: number): Promise<boolean> {
    for (;;) {
      try {
        for (const text of texts) {
          if ((await this.#pool.query(text, [effectKey, fence, times])).rowCount === 1) return true
        }
        return false
      } catch {
        await setTimeout(200)
      }
    }
  }
}
