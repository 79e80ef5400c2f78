import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { projectRoot } from '../../../scripts/files.ts'
import { leftProcesses, processesOf } from '../../../scripts/processes.ts'

const mark = `PAWL_PLANTED=${process.pid}`
const idle = ['-e', "setInterval(() => {}, 1000); console.log('ready')"]
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

describe('processes left behind', () => {
  test('a process that carries the mark is found wherever it runs, and no longer once it ended', async () => {
    const child = await started({ cwd: '/', env: { PAWL_PLANTED: String(process.pid) }, detached: true })
    const pids = () => leftProcesses(projectRoot, mark, new Set()).map(({ pid }) => pid)
    expect(pids()).toContain(child.pid)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(pids()).not.toContain(child.pid)
  })

  test('a process in the checkout that was started by somebody else is not ours', async () => {
    const child = await started({ cwd: projectRoot, env: {} })
    expect([...processesOf(projectRoot)]).toContain(child.pid)
    expect(leftProcesses(projectRoot, mark, new Set()).map(({ pid }) => pid)).not.toContain(child.pid)
  })
})

async function started(options: {
  cwd: string
  env: Record<string, string>
  detached?: boolean
}): Promise<ChildProcess> {
  const child = spawn(process.execPath, idle, { ...options, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  await once(child.stdout ?? child, 'data')
  return child
}
