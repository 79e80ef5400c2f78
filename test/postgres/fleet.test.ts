import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, expect, inject, test } from 'vitest'
import { postgres } from '../../src/postgres.ts'
import { fleetOf } from '../../src/projections/fleet.ts'
import { silentMs } from '../../src/projections/view.ts'
import { openDatabase } from './database.ts'

const folder = mkdtempSync(join(tmpdir(), 'pawl-fleet-'))
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

/** A process; `heard` waits until the store has heard of it once more. */
async function start(url: string, role: 'api' | 'leader') {
  const child = fork(join(import.meta.dirname, 'fleet-process.ts'), [url, folder, role], { stdio: 'inherit' })
  children.push(child)
  const heard = () => once(child, 'message')
  await heard()
  return { child, heard }
}

test('an API process that was killed is shown as gone, a frozen one as silent, and with its first word after that as there again', async () => {
  const url = await openDatabase(inject('postgres'))
  const api = await start(url, 'api')
  const killed = await start(url, 'api')
  const leader = await start(url, 'leader')
  const host = await postgres({ url })
  const database = new pg.Client({ connectionString: url })
  await database.connect()
  const list = async (now = Date.now()) =>
    (await fleetOf(host.views, now)).map(({ pid, role, state }) => ({ pid, role, state }))
  try {
    expect(await list()).toEqual([
      { pid: api.child.pid, role: 'api', state: 'live' },
      { pid: killed.child.pid, role: 'api', state: 'live' },
      { pid: leader.child.pid, role: 'leader', state: 'live' },
    ])
    const exit = once(killed.child, 'exit')
    killed.child.kill('SIGKILL')
    await exit
    api.child.kill('SIGSTOP')
    // Its second word from now on was said by one that has seen the end of the other.
    await leader.heard()
    await leader.heard()
    const [, dead] = await fleetOf(host.views, Date.now())
    expect(dead).toMatchObject({ state: 'gone', goneProof: `there is no process ${killed.child.pid}` })
    expect((await list(Date.now() + silentMs))[0]).toMatchObject({ pid: api.child.pid, state: 'silent' })

    await database.query('delete from processes where pid = $1', [api.child.pid])
    expect((await list()).map(({ pid }) => pid)).not.toContain(api.child.pid)
    const waking = api.heard()
    api.child.kill('SIGCONT')
    // The first may tell of a word that it gave before it was frozen.
    await waking
    await api.heard()
    expect(await list()).toContainEqual({ pid: api.child.pid, role: 'api', state: 'live' })

    const ended = once(leader.child, 'exit')
    leader.child.kill('SIGTERM')
    await ended
    expect(await list()).toContainEqual({ pid: leader.child.pid, role: 'leader', state: 'signed_off' })
    expect((await database.query('select key from workers')).rows).toEqual([])
  } finally {
    await database.end()
    await host.close()
  }
})
