import { codes } from '../errors/codes.ts'
import { type Refusal, toProblem } from '../errors/refusal.ts'

/** Version of every JSON document that the CLI prints. */
export const schema = 1

export interface Terminal {
  /** Data: what a script reads. */
  out(text: string): void
  /** Hints, questions and errors. */
  err(text: string): void
  readonly isTty: boolean
  readonly colors: boolean
}

export function terminal(env: NodeJS.ProcessEnv): Terminal {
  const isTty = process.stdout.isTTY === true
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    isTty,
    colors: isTty && process.stderr.isTTY === true && !env.NO_COLOR,
  }
}

export function printJson(terminal: Terminal, document: object): void {
  terminal.out(JSON.stringify({ schema, ...document }, null, terminal.isTty ? 2 : undefined))
}

/** Says why not and what to do next; with `--json` also as a document on stdout. Returns the exit code. */
export function printRefusal(terminal: Terminal, refusal: Refusal, json: boolean): number {
  if (json) printJson(terminal, { error: toProblem(refusal) })
  const mark = terminal.colors ? '\u001b[31m✖\u001b[0m' : '✖'
  terminal.err(
    `${mark} ${refusal.code}: ${plain(refusal.reason)}\n  next: ${plain(refusal.next)}\n  more: pawl explain ${refusal.code}`,
  )
  return codes[refusal.code].exit
}

/** One document for people: fields line by line, lists as tables. */
export function humanText(body: unknown, columns?: readonly string[]): string {
  if (typeof body !== 'object' || body === null) return plain(String(body))
  const { items, verdict, ...rest } = body as { items?: unknown; verdict?: unknown }
  const first = typeof verdict === 'string' ? [plain(verdict)] : []
  if (Array.isArray(items) && columns !== undefined) {
    // Whoever was told in a sentence that there is nothing need not read it twice.
    const isTold = first.length > 0 && items.length === 0
    return [...first, ...(isTold ? [] : [tableText(items as Row[], columns)])].join('\n')
  }
  const lines = Object.entries(rest).flatMap(([name, value]) => fieldText(name, value))
  if (Array.isArray(items)) lines.push(...fieldText('items', items))
  return [...first, ...lines].join('\n')
}

/** The same in every row of a trace, and shown above it. */
const repeated: ReadonlySet<string> = new Set(['executionId', 'traceId'])

type Row = Readonly<Record<string, unknown>>

function fieldText(name: string, value: unknown): string[] {
  if (value === null || value === undefined || value === '') return []
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${name.padEnd(20)} (none)`]
    if (value.every((item) => typeof item === 'object' && item !== null)) {
      const rows = value as Row[]
      const shown = Object.keys(rows[0] ?? {}).filter(
        (column) => !repeated.has(column) && rows.some((row) => row[column] !== null && row[column] !== undefined),
      )
      return ['', `${name}:`, tableText(rows, shown)]
    }
  } else if (typeof value === 'object' && (name === 'execution' || name === 'decisions' || name === 'counts')) {
    return ['', `${name}:`, humanText(value)]
  }
  return [`${name.padEnd(20)} ${cell(value, 1000)}`]
}

/** Columns as wide as what they hold; an empty list says so. */
export function tableText(rows: readonly Row[], columns: readonly string[]): string {
  if (rows.length === 0) return '(none)'
  const cells = rows.map((row) => columns.map((column) => cell(row[column], 60)))
  const heads = columns.map((column) => column.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toUpperCase())
  const widths = heads.map((head, index) => Math.max(head.length, ...cells.map((line) => line[index]?.length ?? 0)))
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(heads), ...cells.map(line)].join('\n')
}

function cell(value: unknown, lengthMax: number): string {
  const text = value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  const shown = plain(text).replaceAll('\n', ' ')
  return shown.length > lengthMax ? `${shown.slice(0, lengthMax - 1)}…` : shown
}

/** What others wrote must not move the cursor or colour the screen. */
export const plain = (text: string): string => text.replaceAll(/[^\P{Cc}\t\n]/gu, '�')
