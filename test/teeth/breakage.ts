/** One exact text in one file, and what it becomes. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** A rule taken out of the source on purpose, and the quickest run that must turn red. */
export interface Breakage {
  readonly name: string
  readonly edits: readonly Edit[]
  /** Test files for vitest, or a number of seeds for the simulation. */
  readonly shownBy: readonly string[] | number
}

/** Applies an edit to a text; a text that does not hold it exactly once is an error of the list, not a tooth. */
export function applyEdit(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find)
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${JSON.stringify(find)}`)
  return parts.join(replace)
}
