import {
  type StatementName as PostgresStatementName,
  statements as postgresStatements,
} from '../../src/store/postgres/statements.ts'
import { type StatementName, statements } from '../../src/store/sqlite/statements.ts'

/** One condition of one statement, and the statement without it. */
export interface Conjunct<Name = StatementName> {
  readonly name: string
  readonly statement: Name
  readonly without: string
}

const condition = /^( *)(where|and) (.*)$/
const depthOf = (text: string): number => text.split('(').length - text.split(')').length

/**
 * Every AND-conjunct of every statement: each begins a line of its own, by the rule of those files, and may go on over the
 * next ones in brackets.
 */
function conjunctsOf<Name extends string>(all: Readonly<Record<Name, string>>, indent: RegExp): Conjunct<Name>[] {
  return (Object.keys(all) as Name[]).flatMap((statement) => {
    const lines = all[statement].split('\n')
    return lines.flatMap((line, index) => {
      const [, space = '', word, text] = condition.exec(line) ?? []
      if (word === undefined || text === undefined || !indent.test(space)) return []
      let [last, depth] = [index, depthOf(text)]
      while (depth > 0 && last < lines.length - 1) {
        last += 1
        depth += depthOf(lines[last] ?? '')
      }
      // Still named, so that no parameter of the statement is left over.
      const opened = lines.with(index, `${space}${word} (true or ${text}`)
      const without = opened.with(last, `${opened[last]})`).join('\n')
      return [{ name: `${statement}: ${text}`, statement, without }]
    })
  })
}

export const conjuncts: readonly Conjunct[] = conjunctsOf<StatementName>(statements, /^$/)

/** What no session and no view of the contract asks, with the tests that do. */
const shownElsewhere: ReadonlyMap<PostgresStatementName, string> = new Map([
  ['feedStanding', 'test/postgres/ordered-feed.test.ts'],
  ['changedBehind', 'test/postgres/writers.test.ts'],
  ['commitOf', 'test/postgres/failures.test.ts'],
  ['submission', 'test/postgres/submissions.test.ts'],
  ['forgetSubmissions', 'test/postgres/submissions.test.ts'],
  ['forgetWriters', 'test/postgres/writers.test.ts'],
])

/** Those inside of sub-queries, too. */
export const conjunctsOnPostgres: readonly Conjunct<PostgresStatementName>[] = conjunctsOf<PostgresStatementName>(
  postgresStatements,
  /^ *$/,
)
  .filter(({ statement }) => !shownElsewhere.has(statement))
  .map((conjunct) => ({ ...conjunct, name: `PostgreSQL ${conjunct.name}` }))
