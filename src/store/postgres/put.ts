import type { Row } from '../sqlite/rows-of.ts'
import type { StatementName } from './statements.ts'

type Cells<T> = (row: T) => readonly (string | number | null)[]

/** Sends one statement for all rows, and none for none; whoever gave the `Put` waits for its end. */
export interface Put {
  <T>(name: StatementName, rows: readonly T[], cells: Cells<T>): void
  /** Answers with the rows that the statement returned. */
  returning<T>(name: StatementName, rows: readonly T[], cells: Cells<T>): Promise<readonly Row[]>
}
