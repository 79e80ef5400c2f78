/** Commits whole lives for ever, and says the head position after each commit: to be killed at any moment. */
import { writeSync } from 'node:fs'
import {
  anOutcome,
  aQueued,
  aRequest,
  aWorker,
  changes,
  claimed,
  logOf,
  logOfAdmitted,
  readyOf,
  succeeded,
} from '../../../src/store/contract/builders.ts'
import type { Changes, Update } from '../../../src/store/rows.ts'
import { openSqlite } from '../../../src/store/sqlite/open.ts'

const [path = '', perCommit = '20'] = process.argv.slice(2)
const { session } = openSqlite({ path })

function commit(some: Partial<Changes>): void {
  session.begin()
  session.write(changes(some))
  session.commit()
  writeSync(1, `${session.counters().position - 1}\n`)
}

if (session.queues().length === 0) {
  commit({ queues: [{ key: 1, action: 'quote.render', version: 1 }], workers: [aWorker(1)] })
}
for (;;) {
  const { execution: first, position } = session.counters()
  const queued = Array.from({ length: Number(perCommit) }, (_, index) => aQueued(first + index, { head: position }))
  const due = queued.map(readyOf)
  commit({
    log: [logOfAdmitted(position, queued)],
    admitted: queued.map((execution) => ({ request: aRequest(execution.id, { position }), execution })),
    ready: { add: due, remove: [] },
  })
  const running = queued.map((was): Update => ({ was, is: claimed(was, position + 1) }))
  commit({ log: [logOf(position + 1, 'claim', running)], updates: running, ready: { add: [], remove: due } })
  const done = running.map(({ is: was }): Update => ({ was, is: succeeded(was, position + 2) }))
  const outcomes = done.map(({ is }) => anOutcome(is))
  commit({ log: [logOf(position + 2, 'succeed', done)], updates: done, outcomes })
}
