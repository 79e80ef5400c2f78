import { type UndecodableRow, UndecodableRows } from '../quarantine.ts'
import { Decoding, type Place } from '../sqlite/decoding.ts'
import type { Row } from '../sqlite/rows-of.ts'

/** Tells the tenant of executions: pairs of key and tenant. */
export type TenantsOf = (executions: readonly number[]) => Promise<readonly Row[]>

/** Reads rows as `Decoding` does, and asks for the tenants of those that cannot be read only then. */
export class Reading {
  readonly #decoding = new Decoding(() => null)
  readonly #tenantsOf: TenantsOf

  constructor(tenantsOf: TenantsOf) {
    this.#tenantsOf = tenantsOf
  }

  knows(rows: readonly UndecodableRow[]): void {
    this.#decoding.knows(rows)
  }

  /** @throws UndecodableRows */
  async all<T>(rows: readonly Row[], place: Place, read: (row: Row) => T): Promise<readonly T[]> {
    try {
      return this.#decoding.all(rows, place, read)
    } catch (thrown) {
      if (!(thrown instanceof UndecodableRows)) throw thrown
      throw new UndecodableRows(await this.#withTenants(thrown.rows))
    }
  }

  /** What can be read, and what cannot. */
  async each<T>(rows: readonly Row[], place: Place, read: (row: Row) => T) {
    const { found, undecodable } = this.#decoding.each(rows, place, read)
    return { found, undecodable: undecodable.length === 0 ? undecodable : await this.#withTenants(undecodable) }
  }

  async #withTenants(rows: readonly UndecodableRow[]): Promise<readonly UndecodableRow[]> {
    const found = await this.#tenantsOf(rows.flatMap(({ execution }) => execution ?? []))
    const tenants = new Map(found.map((row) => [row[0] as number, row[1] as string]))
    return rows.map((row) => ({ ...row, tenant: row.execution === null ? null : (tenants.get(row.execution) ?? null) }))
  }
}
