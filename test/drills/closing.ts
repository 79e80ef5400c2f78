import { openSqlite } from '../../src/store/sqlite/open.ts'
import { type Checked, check, type Evidence, type Stroke } from './checks.ts'
import type { Cluster } from './cluster.ts'
import { type Entry, readRecord } from './record.ts'

/**
 * The end of every drill: the workers that were there are gone for certain, a person looks at whatever waits for one and
 * says what the target's record says, new workers finish the rest. Then the evidence is read. Gives how many had waited.
 */
export async function close(
  cluster: Cluster,
  strokes: Stroke[],
  inspect: (evidence: Evidence) => void = () => {},
): Promise<Checked & { readonly waited: number }> {
  const { signal, onlooker } = cluster
  for (const { child, key } of cluster.workers.values()) {
    strokes.push({ worker: key, at: Date.now() })
    await child.end()
  }
  cluster.workers.clear()
  await cluster.addWorker('closing')
  const resting = (): boolean => [...cluster.acknowledged.values()].every(({ id }) => onlooker.isSettled(id))
  await signal.until('everything to come to rest', resting)
  const waited = onlooker.waiting()
  const publicIds = new Map([...cluster.acknowledged.values()].map(({ id, publicId }) => [id, publicId]))
  for (let waiting = waited; waiting.length > 0; waiting = onlooker.waiting()) {
    for (const id of waiting) await decideFor(cluster, id, publicIds.get(id) ?? '')
    await signal.until(
      'what a person decided to go on',
      () => !waiting.some((id) => onlooker.of(id)?.state === 'waiting'),
    )
    await signal.until('everything to come to rest', resting)
  }
  const { acknowledged, times, heldUpMs } = cluster
  await cluster.stop()
  const opened = openSqlite({ path: cluster.database, readOnly: true })
  try {
    const evidence: Evidence = { opened, entries: readRecord(cluster.record), acknowledged, strokes, times, heldUpMs }
    inspect(evidence)
    return { ...check(evidence), waited: waited.length }
  } finally {
    opened.close()
  }
}

async function decideFor(cluster: Cluster, id: number, publicId: string): Promise<void> {
  const opened = openSqlite({ path: cluster.database, readOnly: true })
  const open = opened.views().effects({ id, open: true, limit: 10 })
  opened.close()
  const applied = new Set(
    readRecord(cluster.record)
      .filter(isApplied)
      .map(({ effectKey }) => effectKey),
  )
  for (const { effectKey } of open) {
    const verdict = applied.has(effectKey) ? 'applied' : 'not_applied'
    await cluster.server.ask({ resolve: { publicId, effectKey, verdict } })
  }
}

const isApplied = (entry: Entry): entry is Extract<Entry, { type: 'applied' }> => entry.type === 'applied'
