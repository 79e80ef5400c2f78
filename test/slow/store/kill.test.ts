import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Refused } from '../../../src/errors/refusal.ts'
import { holdsWhatWasAcknowledged } from '../../../src/store/contract/survives-kill.ts'
import { openedForTest } from '../../../src/store/sqlite/harness.ts'
import { integrityCheck } from '../../../src/store/sqlite/health.ts'
import { openSqlite } from '../../../src/store/sqlite/open.ts'

let folder = ''
let path = ''
let child: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-kill-'))
  path = join(folder, 'pawl.db')
})
afterEach(async () => {
  await kill()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a writer and resolves with the last acknowledged position once it has given `commits` of them. */
async function write(commits: number, perCommit: number): Promise<() => number> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), path, String(perCommit)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = writer
  let text = ''
  let lines = 0
  await new Promise<void>((resolve, reject) => {
    writer.once('exit', () => reject(new Error('the writer stopped by itself')))
    writer.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      lines += chunk.toString().split('\n').length - 1
      if (lines >= commits) resolve()
    })
  })
  return () => Number(text.trimEnd().split('\n').at(-1))
}

async function kill(): Promise<void> {
  const running = child
  child = undefined
  if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
  const closed = once(running, 'close')
  running.kill('SIGKILL')
  await closed
}

test('REL-03 REL-04 whatever instant a writer is killed at, all it acknowledged is there, and nothing in halves', async () => {
  for (let round = 0; round < 8; round += 1) {
    const last = await write(5 + round * 7, 1 + (round % 4) * 30)
    await kill()
    const store = openSqlite({ path })
    expect(store.wasClean).toBe(false)
    expect(store.ownerEpoch).toBe(2 * round + 2)
    expect(integrityCheck(store.raw)).toEqual([])
    await holdsWhatWasAcknowledged(openedForTest(store), last())
    store.close()
  }
})

test('a second process is refused while the first lives, harms nothing, and may have the file once it is dead', async () => {
  const last = await write(3, 1)
  const refused = (): unknown => {
    try {
      openSqlite({ path }).close()
      return 'it was opened'
    } catch (thrown) {
      return thrown instanceof Refused ? thrown.code : thrown
    }
  }
  const before = last()
  expect(refused()).toBe('store_locked')
  const reader = openSqlite({ path, readOnly: true })
  expect(reader.views().headPosition()).toBeGreaterThanOrEqual(before)
  reader.close()
  expect(child?.exitCode).toBeNull()
  await kill()
  const store = openSqlite({ path })
  expect(store.views().headPosition()).toBeGreaterThanOrEqual(last())
  store.close()
})
