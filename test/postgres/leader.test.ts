import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { postgres } from '../../src/postgres.ts'
import { openDatabase } from './database.ts'

interface Said {
  readonly message: string
  readonly epoch: number | null
}

const folder = mkdtempSync(join(tmpdir(), 'pawl-leader-'))
const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A process, and a way to wait for what it says. */
async function start(url: string) {
  const child = fork(join(import.meta.dirname, 'leader-process.ts'), [url, folder], { stdio: 'inherit' })
  children.push(child)
  const said: Said[] = []
  const waiting = new Set<() => void>()
  child.on('message', (message: Said) => {
    said.push(message)
    for (const look of waiting) look()
  })
  const hears = (words: string, epoch?: number): Promise<Said> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = said.find((each) => each.message.includes(words) && (epoch === undefined || each.epoch === epoch))
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  await hears('started')
  return { child, said, hears }
}

test('CP-004a a leader frozen by SIGSTOP is followed, and refused by the store when it wakes; a killed one is followed, too', async () => {
  const url = await openDatabase(inject('postgres'))
  const first = await start(url)
  expect(await first.hears('This process leads')).toMatchObject({ epoch: 1 })
  const second = await start(url)
  const host = await postgres({ url })
  try {
    first.child.kill('SIGSTOP')
    expect(await second.hears('This process leads')).toMatchObject({ epoch: 2 })
    const [, frozen] = await host.views.leaders(2)
    expect(frozen).toMatchObject({ epoch: 1, pid: first.child.pid, endedAt: null })
    first.child.kill('SIGCONT')
    expect(await first.hears('does not lead any more')).toMatchObject({ epoch: 1 })
    second.child.kill('SIGKILL')
    await first.hears('This process leads', 3)
    const third = await start(url)
    expect(third.said.some(({ message }) => message.includes('This process leads'))).toBe(false)
    first.child.kill('SIGTERM')
    expect(await third.hears('This process leads')).toMatchObject({ epoch: 4 })
    expect((await host.views.leaders(9)).map(({ epoch, endedAt }) => [epoch, endedAt !== null])).toEqual([
      [4, false],
      [3, true],
      [2, false],
      [1, false],
    ])
  } finally {
    await host.close()
  }
})
