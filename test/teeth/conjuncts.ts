import { type StatementName, statements } from '../../src/store/sqlite/statements.ts'

/** One condition of one statement, and the statement without it. */
export interface Conjunct {
  readonly name: string
  readonly statement: StatementName
  readonly without: string
}

const condition = /^(where|and) (.*)$/

/** Every AND-conjunct of every statement of the store: each stands on a line of its own, by the rule of that file. */
export const conjuncts: readonly Conjunct[] = (Object.keys(statements) as StatementName[]).flatMap((statement) => {
  const lines = statements[statement].split('\n')
  return lines.flatMap((line, index) => {
    const [, word, text] = condition.exec(line) ?? []
    if (word === undefined || text === undefined) return []
    // Still named, so that no parameter of the statement is left over.
    const without = lines.with(index, `${word} (true or ${text})`).join('\n')
    return [{ name: `${statement}: ${text}`, statement, without }]
  })
})
