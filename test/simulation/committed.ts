import type { Changes } from '../../src/store/rows.ts'
import type { Replay } from './replay.ts'
import type { Tables } from './tables.ts'
import type { Report } from './violation.ts'

/** What must hold after one commit: of the executions it changed, and of the indexes as a whole. */
export function checkCommit(changes: Changes, replay: Replay, tables: Tables, report: Report): void {
  const changed = new Set<number>()
  for (const { execution } of changes.admitted) changed.add(execution.id)
  for (const { was, is } of changes.updates) {
    changed.add(is.id)
    const at = `execution ${is.id} event ${is.n}`
    if (is.state === 'running' && was.state !== 'running') {
      if (was.availableAt > is.updatedAt) report('I20', `${at}: claimed before it was due`)
      if (is.leaseUntil === null || is.leaseUntil <= is.updatedAt) report('I20', `${at}: the lease was over at once`)
      if (is.fence <= was.fence) report('I2', `${at}: fence ${is.fence} after ${was.fence}`)
    }
    if (was.ending === 'expired' && is.state === 'succeeded') report('I4', `${at}: succeeded after its deadline`)
    if (was.state === 'running' && is.state === 'running' && (is.leaseUntil ?? 0) < (was.leaseUntil ?? 0)) {
      report('I20', `${at}: a renewal made the lease shorter`)
    }
  }
  for (const row of changes.log) {
    if (row.type !== 'lease_expired') continue
    for (const [index, id] of row.executions.entries()) {
      if (row.data?.[index]?.cause !== 'sweep') continue
      const lost = changes.updates.find(
        ({ was, is }) =>
          is.id === id &&
          ((was.state === 'running' && is.state !== 'running') ||
            (was.state === 'requested' && was.leaseUntil !== null && is.leaseUntil === null)),
      )
      if ((lost?.was.leaseUntil ?? 0) > row.at) report('I20', `execution ${id}: a living lease was swept`)
    }
  }
  for (const id of changed) {
    const told = replay.executions.get(id)
    if (told === undefined) report('I18', `execution ${id} changed without an event`)
    else tables.check(told)
  }
  if (changed.size > 0 || changes.timers.remove.length + changes.ready.add.length > 0) {
    tables.checkIndexes(replay.executions.keys())
  }
}
