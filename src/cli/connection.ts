import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Client, connect } from '../client.ts'
import { defaults, loadConfig } from '../config/config.ts'
import { storePath } from '../config/store-address.ts'
import { orThrow, Refused, refuse } from '../errors/refusal.ts'

export interface Place {
  /** `--url` */
  readonly url?: string | undefined
  /** `--data` */
  readonly data?: string | undefined
}

/** What a server leaves in its data folder, for commands of the same user. */
export interface ServerFile {
  readonly url: string
  readonly token: string
  readonly pid: number
  /** Where workers of this machine connect; absent where the path is too long for a socket. */
  readonly socket?: string | undefined
}

export const serverFileName = 'server.json'

/** The folder of the embedded store's file, or else where such a file would lie by default. */
export function dataDirOf(place: Place, store: string): string {
  return resolve(place.data ?? dirname(storePath(store) ?? storePath(defaults.store) ?? ''))
}

/**
 * Finds the server: flag, then environment, then the file that a server on this machine left.
 *
 * @throws Refused `server_unreachable` or `not_signed_in`, with what to do.
 */
export function findServer(
  place: Place,
  env: NodeJS.ProcessEnv,
): {
  readonly client: Client
  readonly url: string
  readonly token: string
  readonly socket: string | undefined
} {
  const config = orThrow(loadConfig(env))
  const file = readServerFile(dataDirOf(place, config.store))
  const named = place.url ?? (env.PAWL_URL ? config.url : undefined)
  const url = (named ?? file?.url ?? config.url).replace(/\/+$/, '')
  // The token of a server on this machine must not be sent to another one.
  const token = config.token ?? (file !== undefined && file.url === url ? file.token : undefined)
  if (token === undefined) {
    throw new Refused(
      file === undefined && named === undefined
        ? refuse(
            'server_unreachable',
            'No server runs here: there is no server.json in the data folder.',
            undefined,
            'Start one with `pawl serve`, or set PAWL_URL and PAWL_TOKEN.',
          )
        : refuse('not_signed_in', `There is no token for ${url}.`, undefined, 'Set PAWL_TOKEN.'),
    )
  }
  const socket = file !== undefined && file.url === url ? file.socket : undefined
  return { client: connect({ url, token }), url, token, socket }
}

export function readServerFile(dataDir: string): ServerFile | undefined {
  try {
    const file = JSON.parse(readFileSync(join(dataDir, serverFileName), 'utf8')) as Partial<ServerFile>
    const { url, token, pid, socket } = file
    return typeof url === 'string' && typeof token === 'string' && typeof pid === 'number'
      ? { url, token, pid, socket: typeof socket === 'string' ? socket : undefined }
      : undefined
  } catch {
    return undefined
  }
}
