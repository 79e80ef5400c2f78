import { type Refusal, refuse } from '../errors/refusal.ts'

/** A row that is there and that this code cannot read: it was damaged, or another version has written it. */
export interface UndecodableRow {
  /** Its table. */
  readonly place: string
  /** Its key in the table, as text. */
  readonly row: string
  /** The execution that it says something about, and that is therefore held back; null when it is about none. */
  readonly execution: number | null
  /** Null when it could not be told, or when the row is of no tenant. */
  readonly tenant: string | null
  readonly reason: string
}

/** Such a row as it was set aside, under the number by which a person releases it. */
export interface Quarantined extends UndecodableRow {
  readonly key: number
  readonly at: number
}

/** Thrown by a store whose question met rows that it cannot read: all of them. What was asked is unanswered. */
export class UndecodableRows extends Error {
  readonly rows: readonly UndecodableRow[]

  constructor(rows: readonly UndecodableRow[]) {
    const [first] = rows
    super(`${rows.length} rows cannot be read; the first is ${first?.place} ${first?.row}: ${first?.reason}`)
    this.name = 'UndecodableRows'
    this.rows = rows
  }
}

export const isSameRow = (a: UndecodableRow, b: UndecodableRow): boolean => a.place === b.place && a.row === b.row

export const quarantined = ({ place, row, reason }: UndecodableRow): Refusal =>
  refuse('quarantined', `Row ${row} of ${place} cannot be read: ${reason}.`, { place, row })
