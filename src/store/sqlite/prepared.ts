import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Row } from './rows-of.ts'
import { type StatementName, type Statements, statements } from './statements.ts'

/** The statements of one connection, each prepared when it is first used and kept. */
export class Prepared {
  readonly #db: DatabaseSync
  readonly #texts: Statements
  readonly #made = new Map<string, StatementSync>()
  readonly #ready: { [N in StatementName]?: StatementSync } = {}

  constructor(db: DatabaseSync, texts: Partial<Statements> = {}) {
    this.#db = db
    this.#texts = { ...statements, ...texts }
  }

  get(name: StatementName): StatementSync {
    let statement = this.#ready[name]
    if (statement === undefined) {
      statement = this.#db.prepare(this.#texts[name])
      statement.setReturnArrays(true)
      this.#ready[name] = statement
    }
    return statement
  }

  /** All rows, as arrays in the order of the columns. */
  all(name: StatementName, ...values: SQLInputValue[]): readonly Row[] {
    return this.get(name).all(...values) as unknown as Row[]
  }

  one(name: StatementName, ...values: SQLInputValue[]): Row | undefined {
    return this.get(name).get(...values) as unknown as Row | undefined
  }

  /** Rows of a statement that is made from the schema itself, so that it has no name. */
  query(text: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#unnamed(text).all(...values) as unknown as Row[]
  }

  execute(text: string, ...values: SQLInputValue[]): void {
    this.#unnamed(text).run(...values)
  }

  #unnamed(text: string): StatementSync {
    let statement = this.#made.get(text)
    if (statement === undefined) {
      statement = this.#db.prepare(text)
      statement.setReturnArrays(true)
      this.#made.set(text, statement)
    }
    return statement
  }

  /** Returns how many rows the statement changed. */
  run(name: StatementName, ...values: SQLInputValue[]): number {
    return this.get(name).run(...values).changes as number
  }
}
