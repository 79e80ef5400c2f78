import type { Effect } from '../../execution/execution.ts'
import { eventCodes, stateCodes } from '../../execution/machine.ts'
import type { Changes, LogRow, Update } from '../rows.ts'
import { cellsOfWorker } from '../sqlite/fleet-rows.ts'
import { claimPositions, entry, follows, integers, ofTenant } from '../sqlite/log-rows.ts'
import { codeOf } from '../sqlite/lookups.ts'
import { archive, restore, type Shapes } from './archive.ts'
import type { Connection } from './connection.ts'
import type { Put } from './put.ts'
import { arraysOf, newestOf } from './rows-from.ts'
import type { StatementName } from './statements.ts'
import { rightsLock } from './turns.ts'
import { addAdmitted, updateAll } from './write-executions.ts'
import { addPermits, saveRest } from './write-rest.ts'

/**
 * Writes all changes of one transaction, in the order of the port. Statements are sent one behind the other and answered
 * together; only an archive has to be read before it can be written.
 *
 * @returns the keys of rows that were not as expected
 */
export async function writeChanges(
  connection: Connection,
  shapes: Shapes,
  changes: Changes,
): Promise<readonly number[]> {
  const sent: Promise<unknown>[] = []
  const returning: Put['returning'] = (name, rows, cells) =>
    rows.length === 0 ? Promise.resolve([]) : connection.all(name, ...arraysOf(rows, cells))
  const put: Put = Object.assign(
    <T>(...sending: [StatementName, readonly T[], (row: T) => readonly (string | number | null)[]]): void => {
      sent.push(returning(...sending))
    },
    { returning },
  )
  for (const id of changes.restore) await restore(connection, id)
  put('addQueues', changes.queues, ({ key, action, version }) => [key, action, version])
  saveWorkers(put, changes.workers)
  appendLog(put, changes.log, changes.updates)
  addAdmitted(put, changes.admitted)
  const stale = updateAll(put, changes.updates)
  put('addOutcomes', changes.outcomes, ({ id, n, tenant, state, result, fingerprint, position, at }) => [
    id,
    n,
    tenant,
    stateCodes[state],
    result,
    fingerprint,
    position,
    at,
  ])
  put('addSteps', changes.steps, ({ id, name, ordinal, value, fence, startedAt, at }) => [
    id,
    name,
    ordinal,
    value,
    fence,
    startedAt,
    at,
  ])
  const entered = enterEffects(put, changes.effects)
  if (changes.rights.length > 0) sent.push(connection.one('holdRights', rightsLock))
  saveRest(put, changes)
  await Promise.all([...sent, entered, addPermits(put, changes)])
  await archive(connection, shapes, changes.archive)
  return stale()
}

function saveWorkers(put: Put, workers: Changes['workers']): void {
  put(
    'saveWorkers',
    newestOf(workers, ({ key }) => key),
    cellsOfWorker,
  )
}

function appendLog(put: Put, log: readonly LogRow[], updates: readonly Update[]): void {
  const claimedAt = log.some(({ type }) => type === 'succeed') ? claimPositions(updates) : undefined
  put('appendLog', log, (row) => [
    row.position,
    row.tenant,
    eventCodes[row.type],
    row.from === null ? null : stateCodes[row.from],
    row.to === null ? ofTenant : stateCodes[row.to],
    row.principal,
    row.worker,
    row.at,
    integers(row.executions),
    integers(row.numbers),
    follows(row, claimedAt) ? null : integers(row.previous),
    row.data === null ? null : `[${row.data.map(entry).join(',')}]`,
  ])
}

const effectKey = ({ id, effectKey: key }: Effect): string => `${id}\n${key}`

/** What stands in the ledger already is changed in place, for the ledger loses nothing; the rest is new. */
async function enterEffects(put: Put, effects: readonly Effect[]): Promise<void> {
  // One effect may be entered and concluded in the same commit: a round sees what the one before has left.
  for (let left = effects; left.length > 0; ) {
    const round = new Map<string, Effect>()
    const later: Effect[] = []
    for (const effect of left) {
      if (round.has(effectKey(effect))) later.push(effect)
      else round.set(effectKey(effect), effect)
    }
    const all = [...round.values()]
    const old = all.filter(({ intents, state }) => intents > 1 || state !== 'intended')
    const changed = await put.returning('updateEffects', old, (effect) => [
      effect.id,
      effect.effectKey,
      effect.reconcilable ? 1 : 0,
      codeOf.effect[effect.state],
      effect.intents,
      effect.fence,
      effect.worker,
      effect.intendedAt,
      effect.concludedAt,
      effect.value,
      effect.errorClass,
      effect.error,
    ])
    const known = new Set(changed.map(([id, key]) => `${id}\n${key}`))
    const added = all.filter((effect) => !known.has(effectKey(effect)))
    await put.returning('addEffects', added, (effect) => [
      effect.id,
      effect.effectKey,
      effect.step,
      effect.name,
      effect.ordinal,
      codeOf.target[effect.target],
      effect.reconcilable ? 1 : 0,
      codeOf.effect[effect.state],
      effect.intents,
      effect.fence,
      effect.worker,
      effect.intendedAt,
      effect.concludedAt,
      effect.value,
      effect.errorClass,
      effect.error,
    ])
    left = later
  }
}

/** Whether anything is written at all: a look that found nothing leaves no mark for the other writers. */
export function holdsAny(changes: Changes): boolean {
  return Object.values(changes).some((lists: Changes[keyof Changes]) =>
    Array.isArray(lists) ? lists.length > 0 : Object.values(lists).some((list: readonly unknown[]) => list.length > 0),
  )
}
