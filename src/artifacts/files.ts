import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../json/hash.ts'
import { Measured } from './content.ts'
import { type ArtifactStore, addressOf, artifactBytesMax, isSha256, type StoredEntry } from './store.ts'

export interface ArtifactFilesOptions {
  readonly dataDir: string
  /** Names files that are not whole yet. */
  readonly unique: () => string
  /** Dates the files; epoch milliseconds. */
  readonly now: () => number
  /** 1 GiB by default. */
  readonly bytesMax?: number | undefined
}

const unfinished = '.tmp'
const setAside = '.swept'
const pieceBytes = 64 * 1024

/** Files below `dataDir`/artifacts. A file is either whole under its name, and durable, or not there. */
export function artifactFiles({
  dataDir,
  unique,
  now,
  bytesMax = artifactBytesMax,
}: ArtifactFilesOptions): ArtifactStore {
  const root = join(dataDir, 'artifacts')
  const placeOf = (key: string): string => join(dataDir, key)
  const pathOf = (hash: string): string | null => (isSha256(hash) ? placeOf(addressOf(hash)) : null)

  /** Whether the content is there already. Its new date keeps a sweep away from it. */
  const isKept = async (path: string, bytes: number): Promise<boolean> => {
    const found = await stat(path).catch(() => undefined)
    if (found?.size !== bytes) return false
    const at = now() / 1000
    // A sweep that has just moved it out of the way makes this fail, and the content is written anew.
    return await utimes(path, at, at).then(
      () => true,
      () => false,
    )
  }

  return {
    async put(content) {
      if (content instanceof Uint8Array && content.byteLength <= bytesMax) {
        const hash = sha256(content)
        const known = { sha256: hash, bytes: content.byteLength, path: addressOf(hash) }
        if (await isKept(placeOf(known.path), known.bytes)) return known
      }
      await makeFolder(dataDir, root)
      const temporary = join(root, `${unique()}${unfinished}`)
      const measured = new Measured(bytesMax)
      const file = await open(temporary, 'wx', 0o640)
      try {
        try {
          for await (const piece of measured.through(content)) await writeAll(file, piece)
          const at = now() / 1000
          await file.utimes(at, at)
          await file.sync()
        } finally {
          await file.close()
        }
        const hash = measured.sha256()
        const stored = { sha256: hash, bytes: measured.bytes, path: addressOf(hash) }
        const target = placeOf(stored.path)
        if (!(await isKept(target, stored.bytes))) {
          const folder = join(root, hash.slice(0, 2))
          await makeFolder(root, folder)
          await rename(temporary, target)
          await syncFolder(folder)
        }
        return stored
      } finally {
        await rm(temporary, { force: true })
      }
    },

    async get(ref) {
      const path = pathOf(ref.sha256)
      const file = path === null ? null : await open(path, 'r').catch(() => null)
      return file === null ? null : piecesIn(file)
    },

    async has(ref) {
      const path = pathOf(ref.sha256)
      return path !== null && (await stat(path).catch(() => undefined)) !== undefined
    },

    async *list() {
      for (const key of await namesBelow(dataDir)) {
        const entry = await entryOf(dataDir, key)
        if (entry !== undefined) yield entry
      }
    },

    async delete({ key }, unlessSince) {
      const target = placeOf(key)
      // Out of the way first: whoever stores it again from now on finds nothing and writes it anew.
      const aside = `${target}.${unique()}${setAside}`
      const moved = await rename(target, aside).then(
        () => true,
        () => false,
      )
      if (!moved) return false
      if ((await stat(aside)).mtimeMs >= unlessSince) {
        await rename(aside, target)
        return false
      }
      await rm(aside)
      return true
    },
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let from = 0; from < piece.byteLength; ) from += (await file.write(piece, from)).bytesWritten
}

async function* piecesIn(file: FileHandle): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(pieceBytes))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function namesBelow(dataDir: string): Promise<readonly string[]> {
  const found = await readdir(join(dataDir, 'artifacts'), { withFileTypes: true, recursive: true }).catch(() => [])
  return found
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(dataDir.length + 1))
}

async function entryOf(dataDir: string, key: string): Promise<StoredEntry | undefined> {
  const path = join(dataDir, key)
  const name = key.slice(key.lastIndexOf('/') + 1)
  const hash = name.slice(0, 64)
  if (name.endsWith(setAside) && isSha256(hash)) {
    // A sweep ended between its two moves: the file is judged again under its own name.
    const own = addressOf(hash)
    await rename(path, join(dataDir, own)).catch(() => {})
    return await entryOf(dataDir, own)
  }
  if (!isSha256(name) && !name.endsWith(unfinished)) return undefined
  const found = await stat(path).catch(() => undefined)
  return found === undefined
    ? undefined
    : { key, sha256: isSha256(name) ? name : null, bytes: found.size, at: found.mtimeMs }
}

/** A new folder survives a power loss only when the one above it is written too. */
async function makeFolder(above: string, path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true })
  if (made !== undefined) await syncFolder(above)
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
