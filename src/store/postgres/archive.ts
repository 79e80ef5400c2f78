import { stateCodes } from '../../execution/machine.ts'
import { type ArchivedTable, archivedTables, cellOf, documentOf, packed, plainOf } from '../sqlite/archive.ts'
import type { ArchivableAsk } from '../store.ts'
import type { Connection } from './connection.ts'

/** What is read and deleted of one table, for each execution. */
interface Shape {
  readonly name: ArchivedTable
  readonly columns: readonly string[]
  readonly select: string
  readonly remove: string
}

/** The columns of the tables, asked once: they do not change while a process serves. */
export class Shapes {
  #known: Promise<readonly Shape[]> | undefined

  of(connection: Connection): Promise<readonly Shape[]> {
    this.#known ??= Promise.all(archivedTables.map((table) => shapeOf(connection, table)))
    return this.#known
  }
}

async function shapeOf(connection: Connection, { name, key }: (typeof archivedTables)[number]): Promise<Shape> {
  const info = await connection.query(
    `select a.attname, array_position(i.indkey::int2[], a.attnum)
from pg_attribute a
left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = to_regclass($1)
and a.attnum > 0
and not a.attisdropped
order by a.attnum`,
    name,
  )
  const columns = info.map((row) => row[0] as string)
  const ranked = info.filter((row) => row[1] !== null).sort((one, other) => Number(one[1]) - Number(other[1]))
  const order = ranked.map((row) => row[0] as string).join(', ')
  return {
    name,
    columns,
    select: `select ${columns.join(', ')} from ${name} where ${key} = $1 order by ${order}`,
    remove: `delete from ${name} where ${key} = $1`,
  }
}

/** Puts the rows of each execution into one document, and takes them out of their tables. */
export async function archive(
  connection: Connection,
  shapes: Shapes,
  entries: readonly { readonly id: number; readonly at: number }[],
): Promise<void> {
  if (entries.length === 0) return
  const all = await shapes.of(connection)
  await Promise.all(
    entries.map(async ({ id, at }) => {
      const tables: Record<string, unknown> = {}
      const found = await Promise.all(all.map(({ select }) => connection.query(select, id)))
      for (const [index, { name, columns }] of all.entries()) {
        const rows = found[index] ?? []
        if (rows.length > 0) tables[name] = { columns, rows: rows.map((row) => row.map(cellOf)) }
      }
      const { document, hash } = packed(tables)
      await connection.run('addArchive', id, at, document, hash)
      await Promise.all(all.toReversed().map(({ remove }) => connection.query(remove, id)))
    }),
  )
}

/** Puts the rows back as they were, and the archive away. */
export async function restore(connection: Connection, id: number): Promise<void> {
  const document = documentOf(await connection.one('archive', id))
  if (document === null) throw new Error(`execution ${id} has no readable archive`)
  const sent: Promise<unknown>[] = []
  for (const { name } of archivedTables) {
    const table = document.tables[name]
    if (table === undefined) continue
    const places = table.columns.map((_, index) => `$${index + 1}`).join(', ')
    const text = `insert into ${name} (${table.columns.join(', ')}) values (${places})`
    for (const row of table.rows) sent.push(connection.query(text, ...row.map(plainOf)))
  }
  sent.push(connection.run('removeArchive', id))
  await Promise.all(sent)
}

/** What may be put away among the next executions, and where to look on. */
export async function archivableIn(
  connection: Connection,
  { finishedBefore, states, tenant, after, limit, lookedAt }: ArchivableAsk,
): Promise<{ readonly ids: readonly number[]; readonly next: number | null }> {
  const end = ((await connection.one('nextExecutions', after, lookedAt))?.[0] ?? null) as number | null
  if (end === null) return { ids: [], next: null }
  const codes = states === undefined ? null : states.map((state) => stateCodes[state])
  const rows = await connection.all('archivable', after, end, finishedBefore, tenant, codes, limit)
  const ids = rows.map((row) => row[0] as number)
  const last = ids.length === limit ? (ids.at(-1) ?? end) : end
  const requestedAt = (await connection.one('requestedAt', last))?.[0] as number
  return { ids, next: requestedAt < finishedBefore ? last : null }
}
