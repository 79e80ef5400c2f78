import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { projectRoot } from '../../../scripts/files.ts'
import { collecting } from '../../fast/server/collector.ts'

const folder = mkdtempSync(join(tmpdir(), 'pawl-log-'))
const { PAWL_URL: _, PAWL_TOKEN: __, PAWL_STORE: ___, ...environment } = process.env
const children: ChildProcess[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a process and waits until it says so; `stop` gives its exit code and its lines of JSON on standard error. */
async function started(args: readonly string[], env: Record<string, string>, ready: string) {
  const entry = join(projectRoot, 'src/cli/main.ts')
  const child = spawn(process.execPath, [entry, ...args], { cwd: folder, env: { ...environment, ...env } })
  children.push(child)
  let err = ''
  const isReady = new Promise<void>((done) => {
    child.on('close', () => done())
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
      if (err.includes(ready)) done()
    })
  })
  const ended = new Promise<number | null>((done) => child.on('close', done))
  await isReady
  return async () => {
    child.kill('SIGTERM')
    const exit = await ended
    return { exit, err, lines: err.split('\n').filter((line) => line.startsWith('{')) }
  }
}

test('CP-006 a server and a worker send what they write on standard error to another system, down to the last line before they end', async () => {
  await using collector = await collecting()
  const actions = join(folder, 'actions.ts')
  const url = (path: string): string => pathToFileURL(join(projectRoot, path)).href
  writeFileSync(
    actions,
    `import { z } from '${url('node_modules/zod/index.js')}'
import { action } from '${url('src/pawl.ts')}'
export const actions = [action({ name: 'a.b', version: 1, input: z.unknown(), run: () => ({}) })]
`,
  )
  const env = {
    PAWL_LOG_URL: collector.url,
    PAWL_LOG_TOKEN: 'collector-token',
    PAWL_LOG_LEVEL: 'debug',
    PAWL_PORT: '0',
  }
  const stopServer = await started(['serve', '--slots', '0', '--actions', actions], env, 'Stop it with Ctrl-C')
  const stopWorker = await started(['worker', '--actions', actions], env, 'Stop it with Ctrl-C')
  const worker = await stopWorker()
  const server = await stopServer()
  expect([worker.exit, server.exit], `${server.err}\n${worker.err}`).toEqual([0, 0])
  expect(server.lines.length).toBeGreaterThan(0)
  // Two processes send at the same time: the lines of each are in its order.
  const taken = collector.lines()
  for (const { lines } of [server, worker]) expect(taken.filter((line) => lines.includes(line))).toEqual(lines)
  expect(taken).toHaveLength(server.lines.length + worker.lines.length)
  expect(collector.taken[0]?.headers.authorization).toBe('Bearer collector-token')
})
