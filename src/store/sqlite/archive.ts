import { deflateSync, inflateSync } from 'node:zlib'
import { stateCodes } from '../../execution/machine.ts'
import { sha256 } from '../../json/hash.ts'
import type { Archived, ArchivedParts } from '../rows.ts'
import type { ArchivableAsk } from '../store.ts'
import { executionColumnNames, requestColumnNames } from './columns.ts'
import type { Prepared } from './prepared.ts'
import { artifactOf, effectOf, executionOf, logLineOf, outcomeOf, type Row, requestOf, stepOf } from './rows-of.ts'

/**
 * Every table that holds rows of one execution, with the column that names it, in the order in which rows may be
 * written. A test finds tables that are missing here.
 */
export const archivedTables = [
  { name: 'requests', key: 'id' },
  { name: 'executions', key: 'id' },
  { name: 'outcomes', key: 'id' },
  { name: 'execution_steps', key: 'execution' },
  { name: 'execution_effects', key: 'execution' },
  { name: 'artifacts', key: 'execution' },
  { name: 'execution_logs', key: 'execution' },
  { name: 'signals', key: 'execution' },
  { name: 'plans', key: 'execution' },
  { name: 'plan_steps', key: 'execution' },
  { name: 'approvals', key: 'execution' },
] as const

export type ArchivedTable = (typeof archivedTables)[number]['name']

type Cell = string | number | null | { readonly base64: string }

/** One execution with all its rows, each table as its columns and the cells below them. */
interface Document {
  readonly format: 1
  readonly tables: {
    readonly [T in ArchivedTable]?: { readonly columns: readonly string[]; readonly rows: readonly (readonly Cell[])[] }
  }
}

interface Entry {
  readonly id: number
  readonly at: number
}

/** What is read and deleted of one table, for each execution. */
interface Layout {
  readonly name: ArchivedTable
  readonly columns: readonly string[]
  readonly select: string
  readonly remove: string
}

/** Puts the rows of each execution into one document, and takes them out of their tables. */
export function archive(prepared: Prepared, entries: readonly Entry[]): void {
  if (entries.length === 0) return
  const layouts = archivedTables.map((table) => layoutOf(prepared, table))
  const removals = layouts.map(({ remove }) => remove).reverse()
  for (const { id, at } of entries) {
    const tables: Record<string, { columns: readonly string[]; rows: readonly (readonly Cell[])[] }> = {}
    for (const { name, columns, select } of layouts) {
      const rows = prepared.query(select, id)
      if (rows.length > 0) tables[name] = { columns, rows: rows.map((row) => row.map(cellOf)) }
    }
    const { document, hash } = packed(tables)
    prepared.run('addArchive', id, at, document, hash)
    for (const remove of removals) prepared.execute(remove, id)
  }
}

/** The document of one execution's tables, and what its text must hash to. */
export function packed(tables: unknown): { readonly document: Uint8Array; readonly hash: string } {
  const text = JSON.stringify({ format: 1, tables })
  return { document: deflateSync(text), hash: sha256(text) }
}

function layoutOf(prepared: Prepared, { name, key }: (typeof archivedTables)[number]): Layout {
  const info = prepared.query('select name, pk from pragma_table_info(?1) order by cid', name)
  const columns = info.map((row) => row[0] as string)
  const ranked = info.filter((row) => Number(row[1]) > 0).sort((one, other) => Number(one[1]) - Number(other[1]))
  const order = ranked.map((row) => row[0] as string).join(', ')
  return {
    name,
    columns,
    select: `select ${columns.join(', ')} from ${name} where ${key} = ?1 order by ${order}`,
    remove: `delete from ${name} where ${key} = ?1`,
  }
}

/** Puts the rows back as they were, and the archive away. */
export function restore(prepared: Prepared, id: number): void {
  const document = documentOf(prepared.one('archive', id))
  if (document === null) throw new Error(`execution ${id} has no readable archive`)
  for (const { name } of archivedTables) {
    const table = document.tables[name]
    if (table === undefined) continue
    const places = table.columns.map((_, index) => `?${index + 1}`).join(', ')
    const text = `insert into ${name} (${table.columns.join(', ')}) values (${places})`
    for (const row of table.rows) prepared.execute(text, ...row.map(plainOf))
  }
  prepared.run('removeArchive', id)
}

/** What an archive holds; null parts where its document is not what was put in. */
export function archivedOf(row: Row): Archived {
  const [id, tenant, inputHash, archivedAt] = row as readonly [number, string, string, number]
  const document = documentOf([row[4], row[5]])
  return { id, tenant, inputHash, archivedAt, parts: document === null ? null : partsOf(document) }
}

function partsOf(document: Document): ArchivedParts | null {
  const execution = rowsIn(document, 'executions', executionColumnNames)[0]
  const request = rowsIn(document, 'requests', requestColumnNames)[0]
  if (execution === undefined || request === undefined) return null
  return {
    execution: executionOf(execution),
    request: requestOf(request),
    outcomes: rowsIn(document, 'outcomes', named('id n tenant state result fingerprint position at')).map(outcomeOf),
    steps: rowsIn(document, 'execution_steps', named('execution name ordinal value fence started_at at')).map(stepOf),
    effects: rowsIn(document, 'execution_effects', effectColumns).map(effectOf),
    artifacts: rowsIn(document, 'artifacts', named('execution name sha256 bytes media_type path content at')).map(
      artifactOf,
    ),
    logs: rowsIn(
      document,
      'execution_logs',
      named('execution seq at level message fields fence line bytes dropped'),
    ).map(logLineOf),
  }
}

const named = (text: string): readonly string[] => text.split(' ')
const effectColumns = named(
  'execution effect_key step name ordinal target reconcilable state intents fence worker intended_at concluded_at value error_class error',
)

/** Rows with the columns in the order in which they are read now, whichever order they were archived in. */
function rowsIn(document: Document, name: ArchivedTable, columns: readonly string[]): readonly Row[] {
  const table = document.tables[name]
  if (table === undefined) return []
  const places = columns.map((column) => table.columns.indexOf(column))
  return table.rows.map((row) => places.map((place) => (place < 0 ? null : plainOf(row[place] ?? null))))
}

/** Null when the bytes do not unpack to the text that was put in. */
export function documentOf(row: Row | undefined): Document | null {
  if (row === undefined) return null
  try {
    const text = inflateSync(row[0] as Uint8Array).toString('utf8')
    return sha256(text) === row[1] ? (JSON.parse(text) as Document) : null
  } catch {
    return null
  }
}

export const cellOf = (value: unknown): Cell =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : (value as string | number | null)

export const plainOf = (cell: Cell): string | number | null | Uint8Array =>
  typeof cell === 'object' && cell !== null ? Buffer.from(cell.base64, 'base64') : cell

/** What may be put away among the next executions, and where to look on. */
export function archivableIn(
  prepared: Prepared,
  { finishedBefore, states, tenant, after, limit, lookedAt }: ArchivableAsk,
): { readonly ids: readonly number[]; readonly next: number | null } {
  const end = (prepared.one('nextExecutions', after, lookedAt)?.[0] ?? null) as number | null
  if (end === null) return { ids: [], next: null }
  const codes = states === undefined ? null : JSON.stringify(states.map((state) => stateCodes[state]))
  const rows = prepared.all('archivable', after, end, finishedBefore, tenant, codes, limit)
  const ids = rows.map((row) => row[0] as number)
  const last = ids.length === limit ? (ids.at(-1) ?? end) : end
  const requestedAt = prepared.one('requestedAt', last)?.[0] as number
  return { ids, next: requestedAt < finishedBefore ? last : null }
}
