import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { connect } from '../../src/client.ts'
import { variables } from '../../src/config/variables.ts'
import { openDatabase } from './database.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, 'deploy', file), 'utf8')
const known = Object.values(variables).map(({ name }) => name)
const started: ChildProcess[] = []
let folder = ''
afterEach(async () => {
  for (const child of started.splice(0)) await ended(child, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** Where the files say that a program lies, with the program in it that this checkout makes. */
const place = '/srv/pawl'

function install(): string {
  folder = mkdtempSync(join(tmpdir(), 'pawl-deploy-'))
  const srv = join(folder, 'srv')
  mkdirSync(join(srv, 'node_modules/.bin'), { recursive: true })
  mkdirSync(join(folder, 'home'))
  // As npm does it.
  symlinkSync(join(root, 'bin/pawl.cjs'), join(srv, 'node_modules/.bin/pawl'))
  writeFileSync(join(srv, 'actions.ts'), `export { default } from '${join(root, 'test/postgres/versions.ts')}'\n`)
  return srv
}

/** One service as systemd reads it: what is started, where, how it is told to end and how long that may take. */
interface Service {
  readonly words: readonly string[]
  readonly cwd: string
  readonly signal: NodeJS.Signals
  readonly stopMs: number
  /** Variables that its environment file is to hold, as the comment above it says. */
  readonly names: readonly string[]
}

function serviceOf(file: string, srv: string, instance = ''): Service {
  const text = read(file)
  const one = (key: string): string => {
    const found = [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))]
    expect(found, `${file} has ${key} once`).toHaveLength(1)
    return (found[0]?.[1] ?? '').replaceAll('%i', instance).replaceAll('%H', hostname()).replaceAll(place, srv)
  }
  const comment = /^#(.*)\nEnvironmentFile=/m.exec(text)?.[1] ?? ''
  return {
    words: one('ExecStart').split(' '),
    cwd: one('WorkingDirectory'),
    signal: one('KillSignal') as NodeJS.Signals,
    stopMs: Number(one('TimeoutStopSec')) * 1_000,
    names: comment.match(/PAWL_\w+/g) ?? [],
  }
}

interface Started {
  readonly child: ChildProcess
  said(pattern: RegExp): Promise<string>
}

/** With the environment that systemd gives a service, and nothing of this process. */
function start(words: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Started {
  const [program = '', ...args] = words
  const path = `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
  const child = spawn(resolve(cwd, program), args, {
    cwd,
    env: { PATH: path, HOME: join(folder, 'home'), LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let text = ''
  const looks = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      for (const look of looks) look()
    })
  }
  const said = (pattern: RegExp): Promise<string> =>
    new Promise((done, fail) => {
      const look = (): void => {
        const found = pattern.exec(text)
        if (found === null) return
        looks.delete(look)
        done(found[1] ?? found[0])
      }
      looks.add(look)
      child.once('exit', (code) => fail(new Error(`it ended with ${code}: ${text}`)))
      look()
    })
  return { child, said }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  return child.exitCode
}

const ready = async (url: string): Promise<unknown> => [(await fetch(`${url}/readyz`)).status]

test('the services of systemd start as their files say, are ready, run work, and end in order when they are told to', async () => {
  const srv = install()
  const [server, worker] = [serviceOf('pawl.service', srv), serviceOf('pawl-worker@.service', srv, '1')]
  const given: Record<string, string> = {
    PAWL_STORE: await openDatabase(inject('postgres')),
    PAWL_HOST: '127.0.0.1',
    PAWL_PORT: '0',
    PAWL_CONCURRENCY: '1',
  }
  for (const name of [...server.names, ...worker.names]) expect(known).toContain(name)
  expect(server.names.toSorted()).toEqual(Object.keys(given).toSorted())
  const served = start(server.words, server.cwd, given)
  const url = await served.said(/listens at (\S+)/)
  await served.said(/Stop it with/)
  expect(await ready(url)).toEqual([200])

  const { token } = JSON.parse(readFileSync(join(server.cwd, '.pawl/server.json'), 'utf8')) as { token: string }
  const forWorker: Record<string, string> = { PAWL_URL: url, PAWL_TOKEN: token, PAWL_CONCURRENCY: '2' }
  expect(worker.names.toSorted()).toEqual(Object.keys(forWorker).toSorted())
  const working = start(worker.words, worker.cwd, forWorker)
  const client = connect({ url, token })
  const here = (await client.workers.list())[0]?.id ?? ''
  await client.workers.drain(here, 'the other one is to work')
  const first = await client.submit({ action: 'deploy.quote', input: {} })
  expect(await client.wait(first.id)).toMatchObject({ state: 'succeeded', result: { pid: working.child.pid } })
  expect(await client.workers.list()).toContainEqual(
    expect.objectContaining({ id: `${hostname()}-1`, state: 'live', slots: 2 }),
  )

  // Told to end while it runs something, it finishes that first.
  const last = await client.submit({ action: 'deploy.quote', input: { holdMs: 500 } })
  for await (const { to } of client.watch(last.id)) if (to === 'running') break
  expect(await ended(working.child, worker.signal)).toBe(0)
  expect(await client.wait(last.id)).toMatchObject({ state: 'succeeded', result: { pid: working.child.pid } })
  expect(await ended(served.child, server.signal)).toBe(0)
  // A drain of ten seconds and what comes behind it fit.
  for (const { stopMs } of [server, worker]) expect(stopMs).toBeGreaterThan(15_000)
  expect(readdirSync(join(folder, 'home'))).toEqual([])
})

test('the service of the compose file starts with the environment that the file gives it, and is ready', async () => {
  const srv = install()
  const text = read('compose.yaml')
  const command = JSON.parse(/^ {4}command: (\[.*pawl.*\])$/m.exec(text)?.[1] ?? '[]') as string[]
  const block = /^ {4}environment:\n((?: {6}PAWL_.*\n)+)/m.exec(text)?.[1] ?? ''
  const environment = Object.fromEntries(
    [...block.matchAll(/^ {6}(PAWL_\w+): (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  expect(Object.keys(environment)).toEqual(['PAWL_STORE', 'PAWL_HOST'])
  for (const name of Object.keys(environment)) expect(known).toContain(name)
  // What compose puts in, and the name of the other service.
  const store = `postgres://pawl:\${POSTGRES_PASSWORD}@postgres:5432/pawl`
  expect(environment.PAWL_STORE).toBe(store)
  const words = command.map((word) => word.replaceAll(place, srv))
  const database = await openDatabase(inject('postgres'))
  const served = start(words, srv, { ...environment, PAWL_STORE: database, PAWL_PORT: '0' })
  const url = await served.said(/listens at (\S+)/)
  await served.said(/Stop it with/)
  expect(await ready(url.replace('0.0.0.0', '127.0.0.1'))).toEqual([200])
  // All containers share the artifacts, and nothing else of the folder in which they lie.
  const volume = /^ {6}- artifacts:(\/.*)$/m.exec(text)?.[1]?.replaceAll(place, srv) ?? ''
  expect(basename(volume)).toBe('artifacts')
  expect(existsSync(join(dirname(volume), 'server.json'))).toBe(true)
  expect(await ended(served.child, 'SIGTERM')).toBe(0)
})
