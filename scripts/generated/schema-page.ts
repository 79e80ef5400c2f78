/** docs/reference/schema.md: tables, views, indexes and guards, as the newest migration leaves them. */

import { lookups } from '../../src/store/sqlite/lookups.ts'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import { generatedFrom, table } from './table.ts'

export function schemaPage(): string {
  const { raw, close } = openSqlite({ path: ':memory:' })
  const named = (type: string): { name: string; of: string; sql: string }[] =>
    raw
      .prepare(`select name, tbl_name as of, sql from sqlite_schema where type = ? and sql is not null order by name`)
      .all(type)
      .map(({ name, of, sql }) => ({ name: String(name), of: String(of), sql: String(sql) }))
  const [tables, views, indexes, triggers] = ['table', 'view', 'index', 'trigger'].map(named)
  const columnsOf = (name: string): string[][] =>
    raw
      .prepare(`select name, type, "notnull" as required, pk from pragma_table_info(?)`)
      .all(name)
      .map(({ name: column, type, required, pk }) => [
        `\`${column}\``,
        String(type).toLowerCase(),
        pk !== 0 ? `key ${pk}` : required === 1 ? 'required' : '',
      ])
  const section = ({ name, sql }: { name: string; sql: string }): string =>
    [`### ${name}`, table(['column', 'type', ''], columnsOf(name)), ...checksOf(sql), ...indexed(name)].join('\n\n')
  const indexed = (name: string): string[] => {
    const own = (indexes ?? []).filter(({ of }) => of === name)
    return own.length === 0 ? [] : [own.map(({ sql }) => `- \`${sql.replaceAll(/\s+/g, ' ')}\``).join('\n')]
  }
  const page = `${generatedFrom('src/store/sqlite/migrations')}

# Tables and views

Keys and states are integers, times are epoch milliseconds, JSON is canonical text. Views are for reading; people and
other systems should read those, for tables may change with a version.

## Tables

${(tables ?? []).map(section).join('\n\n')}

## Views

${table(
  ['view', 'columns'],
  (views ?? []).map(({ name }) => [
    `\`${name}\``,
    columnsOf(name)
      .map(([column]) => column)
      .join(', '),
  ]),
)}

## Guards

What they refuse, they refuse to everybody, also in a database shell. A message begins with a stable code.

${table(
  ['table', 'guard', 'refuses with'],
  (triggers ?? []).map(({ name, of, sql }) => [`\`${of}\``, `\`${name}\``, messagesOf(sql).join('; ')]),
)}

## Codes in rows

${Object.entries(lookups)
  .filter(([name]) => name !== 'execution_status' && name !== 'event_type')
  .map(
    ([name, codes]) =>
      `- \`${name}\`: ${Object.entries(codes)
        .map(([each, code]) => `${code} ${each}`)
        .join(', ')}`,
  )
  .join('\n')}

States and events have their codes in [states.md](states.md).
`
  close()
  return page
}

const checksOf = (sql: string): string[] => {
  const checks = [...sql.matchAll(/^ {2}(check .*?),?$/gm)].map(([, check]) => `- \`${check}\``)
  return checks.length === 0 ? [] : [checks.join('\n')]
}

const messagesOf = (sql: string): string[] => [
  ...new Set([...sql.matchAll(/raise\(abort, '(\w+):/g)].map(([, code]) => `\`${code}\``)),
]
