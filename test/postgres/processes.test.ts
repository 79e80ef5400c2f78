import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createPawl } from '../../src/pawl.ts'
import { openDatabase } from './database.ts'
import { marks } from './shared-actions.ts'

let folder = ''
const children = new Map<string, ChildProcess>()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-processes-'))
})
afterEach(async () => {
  for (const child of children.values()) await end(child, 'SIGKILL')
  children.clear()
  rmSync(folder, { recursive: true, force: true })
})

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

async function start(url: string, name: string): Promise<void> {
  const file = join(import.meta.dirname, 'process.ts')
  const child = fork(file, [url, name, join(folder, 'marks'), join(folder, name)], { stdio: 'inherit' })
  children.set(name, child)
  await once(child, 'message')
}

test('REL-03 three processes on one database do all the work once, though one of them is killed again and again', async () => {
  const url = await openDatabase(inject('postgres'))
  writeFileSync(join(folder, 'marks'), '')
  const pawl = await createPawl({ store: url, actions: marks(() => {}), slots: 0, dataDir: folder })
  try {
    const names = ['w1', 'w2', 'w3']
    await Promise.all(names.map((name) => start(url, name)))
    const submitted = []
    for (let round = 0; round < 6; round += 1) {
      for (let each = 0; each < 20; each += 1) {
        submitted.push(await pawl.submit({ action: 'mark.make', input: { name: `${round}-${each}` } }))
      }
      const name = names[round % names.length] ?? ''
      const child = children.get(name)
      if (child !== undefined) await end(child, 'SIGKILL')
      await start(url, name)
    }
    const results = await Promise.all(submitted.map((execution) => pawl.result(execution)))
    expect(results).toHaveLength(120)
    const lines = readFileSync(join(folder, 'marks'), 'utf8').trimEnd().split('\n')
    // A keyed target may be called again after a crash, and by its key it knows that it was.
    expect(new Set(lines).size).toBe(120)
    expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBe(120)
    const { views } = pawl.engine.host
    const all = await views.list({ limit: 500 })
    expect(all.map(({ execution }) => execution.state)).toEqual(all.map(() => 'succeeded'))
    const ran = new Set<number | null>()
    for (const { request } of all) {
      const events = await views.events(request.id, 0, 100)
      for (const { worker } of events) ran.add(worker)
      expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1))
    }
    // Every incarnation is a worker of its own: the work went on beside each end.
    expect(ran.size).toBeGreaterThan(3)
    await Promise.all([...children.values()].map((child) => end(child, 'SIGTERM')))
  } finally {
    await pawl.stop()
  }
})
