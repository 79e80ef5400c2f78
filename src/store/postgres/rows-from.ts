/**
 * Sets of rows as parameters: one array for each column, so that one statement, planned once, writes any number of rows.
 *
 * @param columns such as `id bigint, tenant text`
 */
export const rowsFrom = (columns: string): string => {
  const named = columnsOf(columns)
  const arrays = named.map(({ type }, index) => `$${index + 1}::${type}[]`)
  return `unnest(${arrays.join(', ')}) as x (${named.map(({ name }) => name).join(', ')})`
}

/** Inserts rows that are given as arrays. */
export const insertInto = (table: string, columns: string): string => {
  const names = columnsOf(columns)
    .map(({ name }) => name)
    .join(', ')
  return `insert into ${table} (${names})
select ${names}
from ${rowsFrom(columns)}`
}

function columnsOf(columns: string): readonly { readonly name: string; readonly type: string }[] {
  return columns.split(',').map((column) => {
    const [name = '', type = ''] = column.trim().split(' ')
    return { name, type }
  })
}

/** Turns rows of cells into one array for each column. */
export function arraysOf<T>(
  rows: readonly T[],
  cells: (row: T) => readonly (string | number | null)[],
): (string | number | null)[][] {
  const arrays: (string | number | null)[][] = []
  for (const row of rows) {
    const values = cells(row)
    for (let index = 0; index < values.length; index += 1) {
      const array = arrays[index]
      if (array === undefined) arrays[index] = [values[index] ?? null]
      else array.push(values[index] ?? null)
    }
  }
  return arrays
}

/** One statement may touch a row once: of several the last holds, as it would one after the other. */
export function newestOf<T>(rows: readonly T[], keyOf: (row: T) => string | number): readonly T[] {
  if (rows.length < 2) return rows
  const newest = new Map<string | number, T>()
  for (const row of rows) {
    const key = keyOf(row)
    newest.delete(key)
    newest.set(key, row)
  }
  return newest.size === rows.length ? rows : [...newest.values()]
}
