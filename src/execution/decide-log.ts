import type { Command, SaidLine } from './command.ts'
import { type Decision, nothing, type Surroundings } from './decision.ts'
import type { Execution, LogLine } from './execution.ts'

/** What one execution keeps of what its handlers say, over all its claims. */
export const logLinesMax = 1_000
export const logBytesMax = 256 * 1024

/**
 * Keeps what the newest claim has said, also when that was settled meanwhile: lines travel beside the work and may come
 * in behind it. An older claim's lines are dropped without a word. A doubled message changes nothing, for every line has
 * its number within the fence. Beyond the bounds one last line counts what is not kept.
 */
export function decideLog(
  execution: Execution,
  { fence, said, lines }: Extract<Command, { type: 'log' }>,
  { newestLog }: Surroundings,
): Decision {
  const newest = newestLog ?? null
  const known = newest !== null && newest.fence === fence ? newest.line : 0
  if (fence !== execution.fence || said <= known) return nothing
  const logs: LogLine[] = []
  let { seq, bytes } = newest ?? { seq: 0, bytes: 0 }
  let dropped = newest?.dropped ?? 0
  let missed = said - known
  for (const line of lines) {
    if (line.line <= known) continue
    const size = sizeOf(line)
    if (dropped > 0 || seq >= logLinesMax || bytes + size > logBytesMax) break
    // Lines that the worker itself had no room for come before the first that it dropped, so there is no gap up to here.
    seq += 1
    bytes += size
    missed -= 1
    logs.push({ id: execution.id, seq, fence, bytes, dropped: 0, ...line })
  }
  if (missed === 0) return { facts: [], logs }
  // The line that counts what was dropped is one row, which grows.
  const isFirst = dropped === 0
  dropped += missed
  const last = logs.at(-1) ?? newest
  const at = lines.at(-1)?.at ?? last?.at ?? execution.updatedAt
  logs.push({
    id: execution.id,
    seq: isFirst ? seq + 1 : seq,
    at,
    level: 'warn',
    message: `${dropped} more ${dropped === 1 ? 'line was' : 'lines were'} dropped: an execution keeps ${logLinesMax} lines and ${logBytesMax / 1024} KiB.`,
    fields: null,
    fence,
    line: said,
    bytes,
    dropped,
  })
  return { facts: [], logs }
}

const sizeOf = ({ message, fields }: SaidLine): number =>
  Buffer.byteLength(message, 'utf8') + (fields === null ? 0 : Buffer.byteLength(fields, 'utf8'))
