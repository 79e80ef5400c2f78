import type { ArtifactStore, StoredEntry } from './store.ts'

export interface SweepArtifacts {
  readonly store: ArtifactStore
  /** Which of these contents a row names. */
  readonly named: (sha256s: readonly string[]) => Promise<readonly string[]> | readonly string[]
  readonly now: number
  /** Younger contents are spared: their row may be on its way. */
  readonly graceMs: number
  /** Only counts what would be deleted. */
  readonly dryRun?: boolean | undefined
}

export interface SweptArtifacts {
  readonly looked: number
  readonly deleted: number
  readonly bytes: number
}

/** One hour. A run records what it stored in seconds, or it loses its lease. */
export const artifactGraceMs = 3_600_000

const together = 500

/**
 * Deletes contents that no row names and that are old enough: what a crash between file and row left behind. A content that
 * is stored again meanwhile is spared, for the store looks at its date once more when it deletes.
 */
export async function sweepArtifacts({
  store,
  named,
  now,
  graceMs,
  dryRun = false,
}: SweepArtifacts): Promise<SweptArtifacts> {
  const before = now - graceMs
  let [looked, deleted, bytes] = [0, 0, 0]
  let old: StoredEntry[] = []
  const judge = async (): Promise<void> => {
    const hashes = old.flatMap(({ sha256 }) => sha256 ?? [])
    const held = new Set(hashes.length === 0 ? [] : await named(hashes))
    for (const entry of old) {
      if (entry.sha256 !== null && held.has(entry.sha256)) continue
      if (!dryRun && !(await store.delete(entry, before))) continue
      deleted += 1
      bytes += entry.bytes
    }
    old = []
  }
  for await (const entry of store.list()) {
    looked += 1
    if (entry.at >= before) continue
    old.push(entry)
    if (old.length === together) await judge()
  }
  await judge()
  return { looked, deleted, bytes }
}
