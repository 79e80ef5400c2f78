import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import type { Missing, Server } from './server.ts'

const startMsMax = 10_000

/** Starts a Redis in a folder of its own that syncs its log to disk before it answers. */
export async function startRedis(): Promise<Server | Missing> {
  const binary = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'redis-server'))
    .find((path) => existsSync(path))
  if (binary === undefined) {
    return { missing: 'redis-server was not found (Debian and Ubuntu: apt-get install redis-server)' }
  }
  const folder = mkdtempSync(join(tmpdir(), 'pawl-bench-redis-'))
  const port = await freePort()
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    daemonize: 'no',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn(binary, args, { cwd: folder, stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => {
    server.once('exit', () => resolve())
    server.once('error', () => resolve())
  })
  const stop = async (): Promise<void> => {
    if (isRunning(server)) server.kill('SIGTERM')
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const facts = await untilAnswering(server, port)
    if (!facts.includes(`process_id:${server.pid}\r\n`)) throw new Error('another server answers at the port')
    const version = /redis_version:(\S+)/.exec(facts)?.[1] ?? 'unknown'
    return { url: `redis://127.0.0.1:${port}`, version: `Redis ${version}`, stop }
  } catch (thrown) {
    await stop()
    return { missing: `Redis could not be started: ${(thrown as Error).message}` }
  }
}

const isRunning = ({ exitCode, signalCode, pid }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

async function untilAnswering(server: ChildProcess, port: number): Promise<string> {
  for (let waitedMs = 0; waitedMs < startMsMax && isRunning(server); waitedMs += 50) {
    const answer = await ask(port).catch(() => '')
    if (answer.includes('process_id:')) return answer
    await pause(50)
  }
  throw new Error('it gave no answer')
}

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO server\r\nQUIT\r\n'))
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(text))
  })
}
