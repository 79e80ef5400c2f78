import { mkdir, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../json/hash.ts'

export interface StoredFile {
  readonly sha256: string
  readonly bytes: number
  /** Relative to the data folder, so that the folder may move. */
  readonly path: string
}

/** Keeps files by their content. Storing the same content twice is storing it once. */
export interface ArtifactStore {
  put(content: Uint8Array): Promise<StoredFile>
}

/** Files below `dataDir`/artifacts. A file is either whole under its name, and durable, or not there. */
export function artifactFiles(dataDir: string, unique: () => string): ArtifactStore {
  return {
    async put(content) {
      const hash = sha256(content)
      const folder = join('artifacts', hash.slice(0, 2))
      const stored = { sha256: hash, bytes: content.byteLength, path: `${folder}/${hash}` }
      const target = join(dataDir, stored.path)
      const found = await stat(target).catch(() => undefined)
      if (found?.size === content.byteLength) return stored
      await mkdir(join(dataDir, folder), { recursive: true })
      const temporary = `${target}.${unique()}.tmp`
      const file = await open(temporary, 'wx', 0o640)
      try {
        await file.writeFile(content)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, target)
      await syncFolder(join(dataDir, folder))
      return stored
    },
  }
}

/** A renamed file survives a power loss only when its folder is written too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
