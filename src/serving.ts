import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config/config.ts'
import type { Engine } from './engine.ts'
import { isRefusal, orThrow } from './errors/refusal.ts'
import { workerRoutes } from './protocol/routes.ts'
import { createApp } from './server/app.ts'
import type { Log } from './server/log.ts'
import { startServer } from './server/start.ts'
import { Tokens } from './server/tokens.ts'

export interface ServingOptions {
  readonly engine: Engine
  readonly config: Pick<Config, 'host' | 'port'>
  readonly dataDir: string
  readonly log: Log
  readonly version?: string | undefined
}

/** What the command line needs to find a server of this machine; readable by its user only. */
export interface ServerFile {
  readonly url: string
  readonly token: string
  readonly pid: number
}

export interface Serving {
  readonly url: string
  /** Of the local administrator; kept in `server.json`. */
  readonly token: string
  /** A link that signs a browser in once, within ten minutes. */
  signInLink(): Promise<string>
  close(): Promise<void>
}

export const serverFileOf = (dataDir: string): string => join(dataDir, 'server.json')
/** Where workers of this machine reach the server. Socket paths are short on every system, so it lies beside the data. */
export const workerSocketOf = (dataDir: string): string => join(dataDir, 'worker.sock')

/** Serves an engine: HTTP for people and programs, the local socket and HTTP for workers. */
export async function serve({ engine, config, dataDir, log, version }: ServingOptions): Promise<Serving> {
  const { plane, host, clock, random, protocol } = engine
  const tokens = new Tokens({ host, clock, random })
  const closing = new AbortController()
  const app = createApp({
    plane,
    tokens,
    protocolRoutes: workerRoutes(protocol),
    dataDir,
    clock,
    random,
    log,
    version,
    closing: closing.signal,
  })
  await mkdir(dataDir, { recursive: true })
  const server = await startServer({ app, host: config.host, port: config.port, clock, closing })
  try {
    await engine.listen(workerSocketOf(dataDir))
    const token = await localToken(tokens, dataDir)
    await writeServerFile(dataDir, { url: server.url, token, pid: process.pid })
    return {
      url: server.url,
      token,
      async signInLink() {
        const holder = orThrow(await tokens.identify(token))
        return `${server.url}/signin?ticket=${tokens.ticket(holder).ticket}`
      },
      async close() {
        await rm(serverFileOf(dataDir), { force: true })
        await server.close()
      },
    }
  } catch (error) {
    await server.close()
    throw error
  }
}

/** The administrator of this machine keeps one token over restarts; a revoked or foreign one is replaced. */
async function localToken(tokens: Tokens, dataDir: string): Promise<string> {
  const file = join(dataDir, 'token')
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept !== '' && !isRefusal(await tokens.identify(kept.trim()))) return kept.trim()
  const principal = 'human:local'
  const wanted = { name: 'local administrator', principal, tenant: 'default', role: 'admin', expiresAt: null }
  const { token } = orThrow(await tokens.create(wanted))
  await writePrivate(file, `${token}\n`)
  return token
}

const writeServerFile = (dataDir: string, content: ServerFile): Promise<void> =>
  writePrivate(serverFileOf(dataDir), `${JSON.stringify(content)}\n`)

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  await writeFile(temporary, text, { mode: 0o600 })
  await chmod(temporary, 0o600)
  await rename(temporary, path)
}
