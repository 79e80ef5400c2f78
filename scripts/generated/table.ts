/** A Markdown table. Bars inside a cell are escaped. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

/** The first line of a generated page, so that nobody edits it by hand. */
export function generatedFrom(source: string): string {
  return `<!-- Generated from ${source}; change that and run: npm run generate -->`
}
