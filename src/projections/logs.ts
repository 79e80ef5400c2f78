import { type LogLineLevel, logLineLevels } from '../execution/execution.ts'
import type { Found, Views } from '../store/store.ts'
import { type LogLineView, logLineView } from './view.ts'

/** All that an execution can have: 1,000 lines, and the one that counts what was dropped. */
const logsPageMax = 1_001

export interface LogsQuery {
  readonly after?: number | undefined
  readonly limit?: number | undefined
  /** Only lines of at least this level. */
  readonly level?: LogLineLevel | undefined
}

export async function logPage(
  views: Views,
  { execution, archived }: Found,
  { after = 0, limit = logsPageMax, level }: LogsQuery,
): Promise<readonly LogLineView[]> {
  const most = Math.min(limit, logsPageMax)
  const rank = level === undefined ? 0 : logLineLevels.indexOf(level)
  const lines =
    archived?.logs.filter((line) => line.seq > after && logLineLevels.indexOf(line.level) >= rank).slice(0, most) ??
    (await views.logs(execution.id, after, most, rank + 1))
  return lines.map(logLineView)
}
