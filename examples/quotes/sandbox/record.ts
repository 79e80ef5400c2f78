import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** A request exactly as it arrived, except that the credential in it is masked. Times are epoch ms. */
export type RecordedRequest = {
  sequence: number
  receivedAt: number
  method: string
  path: string
  headers: Record<string, string>
  body: string
  /** False when the sender broke off before the end of the body. */
  complete: boolean
}

/** What became of a request. Absent for one that was still being worked on. */
export type RecordedOutcome = {
  sequence: number
  decidedAt: number
  /** True only if this very request changed the sandbox; a replay under a known key did not. */
  applied: boolean
  /** The HTTP status that was sent, or null when the connection was dropped or left hanging. */
  status: number | null
  fault: string | null
}

/**
 * The independent witness of drills: one line for the arrival of each request, written before anything is applied, and one
 * for what became of it. Lines are appended with a plain write; the sandbox is never killed in a drill, so no fsync.
 */
export class RequestRecord {
  #descriptor: number | undefined
  #sequence = 0

  constructor(file: string | undefined) {
    this.#descriptor = file === undefined ? undefined : openSync(file, 'a')
  }

  get count(): number {
    return this.#sequence
  }

  arrived(request: Omit<RecordedRequest, 'sequence'>): number {
    this.#sequence += 1
    this.#append({ kind: 'request', sequence: this.#sequence, ...request, headers: mask(request.headers) })
    return this.#sequence
  }

  decided(outcome: RecordedOutcome): void {
    this.#append({ kind: 'outcome', ...outcome })
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #append(line: object): void {
    if (this.#descriptor !== undefined) writeSync(this.#descriptor, `${JSON.stringify(line)}\n`)
  }
}

export type RecordEntry = RecordedRequest & { outcome: RecordedOutcome | undefined }

/** Reads a record back, each request with its outcome. A restarted sandbox continues the file with numbers from 1. */
export function readRequestRecord(file: string): RecordEntry[] {
  const entries: RecordEntry[] = []
  const open = new Map<number, RecordEntry>()
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const parsed = JSON.parse(line) as ({ kind: 'request' } & RecordedRequest) | ({ kind: 'outcome' } & RecordedOutcome)
    if (parsed.kind === 'request') {
      const { kind: _, ...request } = parsed
      const entry: RecordEntry = { ...request, outcome: undefined }
      entries.push(entry)
      open.set(entry.sequence, entry)
    } else {
      const { kind: _, ...outcome } = parsed
      const entry = open.get(outcome.sequence)
      if (entry !== undefined) entry.outcome = outcome
    }
  }
  return entries
}

// The scheme is kept, for it shows that a credential was sent; the credential itself is nobody's business.
function mask(headers: Record<string, string>): Record<string, string> {
  const { authorization } = headers
  return authorization === undefined
    ? headers
    : { ...headers, authorization: `${authorization.split(' ')[0] ?? ''} ***` }
}
