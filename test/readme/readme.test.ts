import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const run = promisify(execFile)
let folder = ''
let readme = ''

beforeAll(async () => {
  // Inside the checkout, so that the package finds itself and its dependencies by name, as in a user's project.
  folder = await mkdtemp(join(root, 'test/readme/.run-'))
  readme = await readFile(join(root, 'README.md'), 'utf8')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function block(start: string): string {
  const from = readme.indexOf(start)
  expect(from).toBeGreaterThan(-1)
  return readme.slice(readme.indexOf('\n', from) + 1, readme.indexOf('\n```', from))
}

test("the README's first code runs as it stands and prints what it says", async () => {
  const file = join(folder, 'first.ts')
  await writeFile(file, block('```ts\n'))
  const { stdout } = await run(process.execPath, ['--conditions=pawl-source', file], { cwd: folder })
  const lines = stdout.trim().split('\n')
  expect(lines[0]).toBe("{ messageId: 'm-1' }")
  expect(lines.slice(1)).toEqual([
    '1 enqueue → queued',
    '2 claim → running',
    '3 step_recorded → running',
    '4 effect_intended → running',
    '5 effect_recorded → running',
    '6 succeed → succeeded',
  ])
})

test('the first action of the README is served and submitted with the commands beside it', async () => {
  await writeFile(join(folder, 'hello.ts'), block('```ts hello.ts'))
  const data = join(folder, 'data')
  const pawl = join(root, 'pawl')
  const server = spawn(pawl, ['serve', '--actions', './hello.ts', '--data', data, '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PAWL_LOG_LEVEL: 'error' },
  })
  const exited = once(server, 'exit')
  try {
    await once(server.stdout, 'data')
    const call = (...words: string[]) => run(pawl, [...words, '--data', data], { cwd: folder })
    const { stdout } = await call('submit', 'hello.greet', '-i', 'name=Ada', '--wait', '--json')
    expect(stdout).toContain('Hello, Ada')
    const id = /"id":\s*"([0-9a-f-]{36})"/.exec(stdout)?.[1] ?? ''
    expect((await call('list')).stdout).toContain(id)
    expect((await call('trace', id)).stdout).toContain('succeed')
    expect((await call('ops')).stdout).toContain('ok')
    expect((await call('explain', 'illegal_transition')).stdout).toContain('illegal_transition')
  } finally {
    server.kill('SIGTERM')
    await exited
  }
})

test('every file and folder that the README links to exists', () => {
  const targets = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target]) => target ?? '')
  expect(targets.length).toBeGreaterThan(10)
  expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([])
})
