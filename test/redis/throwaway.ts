import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** A Redis of its own in a folder of its own, on a port that was free: nothing of it is left once it is removed. */
export interface ThrowawayRedis {
  readonly url: string
  readonly port: number
  start(): Promise<void>
  /** Everything in it is gone: it keeps nothing on disk. */
  stop(): Promise<void>
  /** It keeps its connections and answers nothing any more, until it is thawed. */
  freeze(): void
  thaw(): void
  /** One command on a connection of its own, past whatever the test does to others. */
  ask(command: string, ...args: (string | number)[]): Promise<unknown>
  remove(): Promise<void>
}

const startMsMax = 20_000

/** @param settings what differs from the defaults, such as `--maxmemory-policy allkeys-lru` */
export async function startRedis(settings: readonly string[] = []): Promise<ThrowawayRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-redis-'))
  const port = await freePort()
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', ...settings]
  let server: ChildProcess | null = null
  const asked = async (command: string, ...rest: (string | number)[]): Promise<unknown> => {
    const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.call(command, ...rest)
    } finally {
      client.disconnect()
    }
  }
  // However this process ends, its server ends with it.
  const clear = (): void => {
    server?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', clear)
  const redis: ThrowawayRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async start() {
      const started = spawn('redis-server', args.map(String), { stdio: 'ignore' })
      const missing = new Promise<never>((_, reject) => started.once('error', reject))
      missing.catch(() => {})
      server = started
      await Promise.race([untilItAnswers(started, asked), missing])
    },
    async stop() {
      const stopped = server
      server = null
      if (stopped === null || stopped.exitCode !== null) return
      const ended = once(stopped, 'exit')
      stopped.kill('SIGKILL')
      await ended
    },
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    ask: asked,
    async remove() {
      await redis.stop()
      process.off('exit', clear)
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await redis.start()
  } catch (thrown) {
    await redis.remove()
    throw thrown
  }
  return redis
}

/** A port may be taken between the time it was found free and the start: only an answer of our own process counts. */
async function untilItAnswers(server: ChildProcess, ask: (command: string) => Promise<unknown>): Promise<void> {
  for (let waitedMs = 0; waitedMs < startMsMax && server.exitCode === null; waitedMs += 25) {
    const facts = String(await ask('info').catch((error: unknown) => error))
    // One that wants a password says so before anything else.
    if (facts.includes(`process_id:${server.pid}\r\n`) || facts.includes('NOAUTH')) return
    await pause(25)
  }
  throw new Error('redis-server did not start, or another server answers at its port')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the kernel gave no port'))
        else resolve(address.port)
      })
    })
  })
}
