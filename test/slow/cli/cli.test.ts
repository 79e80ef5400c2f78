import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const entry = join(root, 'src/cli/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'pawl-cli-'))
const { PAWL_URL: _, PAWL_TOKEN: __, PAWL_STORE: ___, ...environment } = process.env

interface Ended {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves once the text was printed, or the process has ended. */
  said(text: string): Promise<void>
}

function start(args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: folder,
    env: { ...environment, NO_COLOR: '1', ...env },
  })
  let out = ''
  let err = ''
  const listeners = new Set<() => void>()
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    tell()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
    tell()
  })
  const ended = new Promise<Ended>((done) => child.on('close', (exit) => done({ exit, out, err })))
  const said = (text: string): Promise<void> =>
    new Promise((done) => {
      const look = (): void => {
        if (out.includes(text) || err.includes(text)) done()
      }
      listeners.add(look)
      child.on('close', done)
      look()
    })
  return { child, ended, said }
}

async function pawl(
  args: readonly string[],
  { stdin, env }: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const { child, ended } = start(args, env)
  child.stdin?.end(stdin ?? '')
  return ended
}

const jsonOf = ({ out }: Ended): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>

let server: Running

beforeAll(async () => {
  const url = (path: string): string => pathToFileURL(join(root, path)).href
  writeFileSync(
    join(folder, 'pawl.actions.ts'),
    `import { z } from '${url('node_modules/zod/index.js')}'
import { action } from '${url('src/pawl.ts')}'
export const actions = [
  action({ name: 'demo.add', version: 1, input: z.object({ a: z.number(), b: z.number().default(1) }), run: ({ input }) => ({ sum: input.a + input.b }) }),
  action({ name: 'demo.deaf', version: 1, input: z.unknown(), timeout: { cancelGraceMs: 500 }, run: () => new Promise(() => setInterval(() => {}, 1_000)) }),
  action({ name: 'demo.wrong', version: 1, input: z.unknown(), retry: { maxAttempts: 1 }, run: () => { throw new Error('it does not work') } }),
]
`,
  )
  server = start(['serve', '--port', '0'])
  await server.said('Stop it with')
})

afterAll(async () => {
  server.child.kill('SIGTERM')
  await server.ended
  rmSync(folder, { recursive: true, force: true })
})

test('serve leaves its address and token in a file that only its user can read', () => {
  const file = join(folder, '.pawl/server.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    pid: server.child.pid,
  })
})

test('submit takes fields, a file or standard input, and --wait ends with 0 or 7', async () => {
  writeFileSync(join(folder, 'input.json'), '{"a":40}')
  const fields = await pawl(['submit', 'demo.add', '-i', 'a=4', '-i', 'b=7', '--wait', '--json'])
  expect(fields.exit).toBe(0)
  expect(jsonOf(fields)).toMatchObject({ schema: 1, state: 'succeeded', result: { sum: 11 } })
  const file = await pawl(['submit', 'demo.add', '-f', 'input.json', '--wait', '--json'])
  expect(jsonOf(file)).toMatchObject({ result: { sum: 41 } })
  const piped = await pawl(['submit', 'demo.add', '-', '--wait', '--json'], { stdin: '{"a":9}' })
  expect(jsonOf(piped)).toMatchObject({ result: { sum: 10 } })
  const text = await pawl(['submit', 'demo.add', '--input', '{"a":6}', '--wait', '--json'])
  expect(jsonOf(text)).toMatchObject({ result: { sum: 7 } })
  expect((await pawl(['submit', 'demo.add', '--input', '{}', '-f', 'input.json'])).exit).toBe(2)
  const failed = await pawl(['submit', 'demo.wrong', '--wait'])
  expect(failed.exit).toBe(7)
  expect(failed.err).toContain('it does not work')
})

test('data goes to stdout, hints to stderr; watch prints the events and ends with 0', async () => {
  const { exit, out, err } = await pawl(['submit', 'demo.add', '-i', 'a=1'])
  expect(exit).toBe(0)
  expect(out).toMatch(/^[0-9a-f-]{36}\n$/)
  expect(err).toContain(`pawl watch ${out.trim()}`)
  const watched = await pawl(['watch', out.trim()])
  expect(watched.exit).toBe(0)
  expect(watched.out.split('\n').filter((line) => line !== '')).toHaveLength(3)
  expect((await pawl(['trace', out.trim(), '--json'])).out).toContain('"events":[')
})

test.each([
  [['status', 'nope'], 3],
  [['lst'], 2],
  [['submit', 'demo.add', '-i', 'a=x'], 2],
  [['submit', 'none.such'], 3],
  [['list', 'colour:red'], 2],
  [['redrive', 'nope'], 2],
  [['explain', 'state_changed'], 0],
  [['ops'], 0],
] as const)('%j ends with exit code %i', async (args, exit) => {
  expect((await pawl(args)).exit).toBe(exit)
})

test('an input that does not fit says what of it was read as a number, and how the same is said as text', async () => {
  const { exit, err } = await pawl(['submit', 'demo.add', '-i', 'a=true', '-i', 'b=2.0'])
  expect(exit).toBe(2)
  expect(err).toContain(`a was read as true; as text: -i 'a="true"'. b was read as 2; as text: -i 'b="2.0"'.`)
  expect((await pawl(['submit', 'demo.add', '-i', 'a=x'])).err).not.toContain('was read as')
})

test('a schedule takes its input as a submit does; a group says what is below it, an error where to look', async () => {
  const add = ['schedule', 'add', 'nightly', 'demo.add', '--cron', '0 2 * * *', '-i', 'a=4', '--json']
  expect(jsonOf(await pawl(add))).toMatchObject({ name: 'nightly', input: { a: 4 }, nextAt: expect.any(String) })
  expect((await pawl(['schedule', 'delete', 'nightly'])).exit).toBe(0)
  expect((await pawl(['--help'])).out).toMatch(/\n {2}lock +list, get, break\n/)
  const unknown = await pawl(['schedule', 'frob'])
  expect([unknown.exit, unknown.err]).toEqual([2, expect.stringContaining('pawl schedule --help')])
  expect((await pawl(['lock', 'break', 'x'])).err).toContain('pawl lock break --help')
})

test('SE-31 a policy is tried, set from a file, compared, switched by a flag and rolled back from the command line', async () => {
  const rule = {
    name: 'sums',
    when: { actions: ['demo.add'], flags: { audit: true } },
    require: { level: 'confirm' },
  }
  writeFileSync(join(folder, 'policy.json'), JSON.stringify({ approvals: [rule], flags: { audit: true } }))
  const set = ['policy', 'set', '-f', 'policy.json', '--reason', 'audit', '--if-version', '1', '--json']
  const submit = async () => jsonOf(await pawl(['submit', 'demo.add', '-i', 'a=1', '--json']))
  expect(await submit()).toMatchObject({ policyVersion: 1 })
  const tried = jsonOf(await pawl(['policy', 'simulate', '-f', 'policy.json', '--sample', '1', '--json']))
  expect(tried).toMatchObject({ version: 1, sample: 1, changed: 1 })
  expect(jsonOf(await pawl(set))).toMatchObject({ version: 2, active: true, by: expect.any(String) })
  const late = await pawl(set)
  expect([late.exit, late.out]).toEqual([5, expect.stringContaining('policy_moved')])
  const same = await pawl(['policy', 'simulate', '-f', 'policy.json', '--sample', '1'])
  expect(same.out).toBe(
    'Looked at the newest executions, 1 in all: none would be asked for otherwise than under version 2.\n',
  )
  expect(await submit()).toMatchObject({ state: 'requested', policyVersion: 2, approvalLevel: 'confirm' })
  expect((await pawl(['flag', 'set', 'audit', 'false', '--reason', 'over'])).exit).toBe(0)
  expect((await pawl(['flag', 'list'])).out).toMatch(/audit +false/)
  expect(await submit()).toMatchObject({ policyVersion: 3, approvalLevel: 'auto' })
  expect((await pawl(['policy', 'diff', '2'])).out).toMatch(/flags\.audit +true +false/)
  expect((await pawl(['policy', 'rollback', '2', '--reason', 'not over'])).exit).toBe(0)
  expect(await submit()).toMatchObject({ policyVersion: 4, approvalLevel: 'confirm' })
  expect((await pawl(['policy', 'list'])).out.trim().split('\n')).toHaveLength(5)
  writeFileSync(join(folder, 'policy.json'), '{"approvals":[{"name":"x","require":{"quorum":0}}]}')
  const wrong = await pawl(['policy', 'set', '-f', 'policy.json', '--reason', 'x'])
  expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining('approvals[0].require')])
  expect((await pawl(['policy', 'rollback', '1', '--reason', 'as it was'])).exit).toBe(0)
})

test('people are told how an execution stands after a command, and that a list is empty', async () => {
  const { out } = await pawl(['submit', 'demo.add', '-i', 'a=1', '--delay', '1h'])
  const id = out.trim()
  expect((await pawl(['cancel', id])).out).toBe(`${id}  canceled\n`)
  expect((await pawl(['lock', 'get', 'nobody'])).out).toMatch(/holders +\(none\)\nwaiting +\(none\)/)
  expect((await pawl(['list', 'state:canceled'])).out).toContain('CREATED AT')
})

test('exit codes tell conflict, denial and a server that is not there apart', async () => {
  const { out } = await pawl(['submit', 'demo.add', '-i', 'a=1', '--key', 'K1', '--wait', '--json'])
  const { id } = JSON.parse(out) as { id: string }
  expect((await pawl(['submit', 'demo.add', '-i', 'a=2', '--key', 'K1'])).exit).toBe(5)
  expect((await pawl(['retry', id])).exit).toBe(5)
  const url = (JSON.parse(readFileSync(join(folder, '.pawl/server.json'), 'utf8')) as { url: string }).url
  const { token } = jsonOf(await pawl(['token', 'create', 'planner', '--role', 'agent', '--json']))
  const asAgent = { PAWL_URL: url, PAWL_TOKEN: String(token) }
  const denied = await pawl(['redrive', id, '--reason', 'r', '--json'], { env: asAgent })
  expect(denied.exit).toBe(4)
  expect(jsonOf(denied)).toMatchObject({ schema: 1, error: { code: 'not_permitted' } })
  expect((await pawl(['ops'], { env: { PAWL_URL: 'http://127.0.0.1:9', PAWL_TOKEN: 'x' } })).exit).toBe(11)
  expect((await pawl(['ops', '--data', 'nowhere'])).exit).toBe(11)
  // The token of this machine's server is for that server alone.
  expect((await pawl(['ops', '--url', 'http://127.0.0.1:9'])).exit).toBe(4)
})

test('a command on what a query finds needs --yes where nobody can be asked', async () => {
  for (const a of [1, 2]) await pawl(['submit', 'demo.add', '-i', `a=${a}`, '--delay', '1h', '--subject', 'quote:bulk'])
  const asked = await pawl(['cancel', '--query', 'subject:quote:bulk'])
  expect([asked.exit, asked.err]).toEqual([2, expect.stringContaining('cancel 2 executions?')])
  const done = await pawl(['cancel', '--query', 'subject:quote:bulk', '--yes', '--json'])
  expect(done.exit).toBe(0)
  expect(jsonOf(done)).toMatchObject({ schema: 1, command: 'cancel', state: 'done', total: 2, done: 2, refused: 0 })
  expect(done.err).toContain('The query finds 2 executions: 2 queued.')
  const again = await pawl(['retry', '--query', 'subject:quote:bulk', '--yes'])
  expect([again.exit, again.out]).toEqual([5, expect.stringContaining('2 refused: illegal_transition')])
  const none = await pawl(['cancel', '--query', 'subject:quote:none', '--yes', '--json'])
  expect([none.exit, jsonOf(none)]).toEqual([0, expect.objectContaining({ total: 0, done: 0 })])
  const wrong = await pawl(['cancel', '--query', 'colour:red', '--yes', '--json'])
  expect(jsonOf(wrong)).toMatchObject({ error: { code: 'invalid_input' } })
})

test('Ctrl-C ends the waiting with 130 and says that the execution goes on', async () => {
  const { out } = await pawl(['submit', 'demo.add', '-i', 'a=1', '--delay', '1h'])
  const watching = start(['watch', out.trim()])
  await watching.said('enqueue')
  watching.child.kill('SIGINT')
  const { exit, err } = await watching.ended
  expect([exit, err]).toEqual([130, expect.stringContaining('not canceled')])
  expect((await pawl(['status', out.trim(), '--json'])).out).toContain('"state":"queued"')
})

test.each(['socket', 'http'])(
  'a worker in a process of its own runs over %s what the server does not run',
  async (way) => {
    const data = join(folder, `apart-${way}`)
    const api = start(['serve', '--slots', '0', '--port', '0', '--data', data])
    await api.said('Stop it with')
    const { url } = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { url: string }
    const { token } = jsonOf(await pawl(['token', 'create', 'w1', '--role', 'worker', '--data', data, '--json']))
    const { out } = await pawl(['submit', 'demo.add', '-i', 'a=1', '--data', data])
    const far = { PAWL_URL: url, PAWL_TOKEN: token as string }
    const place = ['--data', way === 'socket' ? data : join(folder, 'elsewhere')]
    const worker = start(['worker', '--identity', 'w1', ...place], way === 'socket' ? {} : far)
    await worker.said(way === 'socket' ? 'worker.sock' : `works for ${url}`)
    const ended = await pawl(['watch', out.trim(), '--data', data])
    expect(ended.exit).toBe(0)
    expect(ended.out).toContain('worker:w1')
    for (const running of [worker, api]) {
      running.child.kill('SIGTERM')
      expect((await running.ended).exit).toBe(0)
    }
    expect(existsSync(join(data, 'server.json'))).toBe(false)
  },
)

test('a server of one role alone is refused where a file has one server, in a sentence that says what to do', async () => {
  const { exit, err } = await pawl(['serve', '--role', 'leader', '--data', join(folder, 'roles')])
  expect(exit).not.toBe(0)
  expect(err).toContain('The role leader needs PostgreSQL: a SQLite file has one server, which is everything.')
  expect(err).toContain('--slots 0')
  expect(existsSync(join(folder, 'roles'))).toBe(false)
})

test('SE-25 a worker process whose handler ignores its abort ends by itself, and with it the execution', async () => {
  const data = join(folder, 'deaf')
  const api = start(['serve', '--slots', '0', '--port', '0', '--data', data])
  await api.said('Stop it with')
  const worker = start(['worker', '--identity', 'deaf', '--data', data])
  await worker.said('worker.sock')
  const id = (await pawl(['submit', 'demo.deaf', '--data', data])).out.trim()
  const claimed = start(['watch', id, '--data', data])
  await claimed.said('running')
  expect((await pawl(['cancel', id, '--data', data])).exit).toBe(0)
  const { exit, err } = await worker.ended
  expect(exit).toBe(1)
  expect(err).toContain('ignores its abort')
  expect((await claimed.ended).out).toContain('canceled')
  api.child.kill('SIGTERM')
  await api.ended
})
