import { isIP } from 'node:net'
import { z } from 'zod'
import { seconds, whole } from './shapes.ts'
import type { Variable } from './variables.ts'

function isProxyAddress(text: string): boolean {
  const [network = '', prefix, ...rest] = text.split('/')
  const family = isIP(network)
  if (family === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32))
}

const proxies = z
  .string()
  .transform((text) => text.split(',').map((each) => each.trim()))
  .refine(
    (list) => list.every(isProxyAddress),
    'must be IP addresses or networks with commas between, for instance 10.0.0.0/8',
  )

/** Who may come in, for how long and how often. */
export const accessVariables = {
  sessionIdleMs: {
    name: 'PAWL_SESSION_IDLE_SECONDS',
    schema: seconds,
    doc: 'After which a session of a browser ends that nobody uses, within a minute.',
    shown: '3600',
  } satisfies Variable<number>,
  sessionMs: {
    name: 'PAWL_SESSION_SECONDS',
    schema: seconds,
    doc: 'How long a session of a browser lasts at most.',
    shown: '43200',
  } satisfies Variable<number>,
  trustedProxies: {
    name: 'PAWL_TRUSTED_PROXIES',
    schema: proxies,
    doc: 'Addresses and networks of proxies, with commas between, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. None by default.',
    shown: '',
  } satisfies Variable<readonly string[]>,
  tokenRequests: {
    name: 'PAWL_TOKEN_REQUESTS_PER_SECOND',
    schema: whole(1, 1_000_000),
    doc: 'Requests that one token may send in a second, and twice as many at once, at each server process; more are refused with 429 and Retry-After. Those of the worker protocol do not count.',
    shown: '1000',
  } satisfies Variable<number>,
  tenantRequests: {
    name: 'PAWL_TENANT_REQUESTS_PER_SECOND',
    schema: whole(1, 1_000_000),
    doc: 'The same for all tokens of a tenant together.',
    shown: '5000',
  } satisfies Variable<number>,
  failedSignIns: {
    name: 'PAWL_FAILED_SIGN_INS_PER_MINUTE',
    schema: whole(1, 1_000_000),
    doc: 'Sign-ins from one address that may fail in a minute; further unknown tokens from there are refused with 429.',
    shown: '30',
  } satisfies Variable<number>,
  streamsPerToken: {
    name: 'PAWL_STREAMS_PER_TOKEN',
    schema: whole(1, 100_000),
    doc: 'Streams and long polls that one token may have open at each server process.',
    shown: '200',
  } satisfies Variable<number>,
  connectionsMax: {
    name: 'PAWL_CONNECTIONS_MAX',
    schema: whole(1, 1_000_000),
    doc: 'Connections that the server holds at the same time; further ones are closed.',
    shown: '4096',
  } satisfies Variable<number>,
  connectionsPerAddress: {
    name: 'PAWL_CONNECTIONS_PER_ADDRESS',
    schema: whole(1, 1_000_000),
    doc: 'The same from one address, unless it is a trusted proxy.',
    shown: '1024',
  } satisfies Variable<number>,
  headersMs: {
    name: 'PAWL_HEADERS_SECONDS',
    schema: seconds,
    doc: 'In which all headers of a request must arrive; a slower client is answered with 408.',
    shown: '10',
  } satisfies Variable<number>,
  requestMs: {
    name: 'PAWL_REQUEST_SECONDS',
    schema: seconds,
    doc: 'In which a whole request must arrive.',
    shown: '30',
  } satisfies Variable<number>,
}

export interface AccessConfig {
  readonly sessionIdleMs: number
  readonly sessionMs: number
  /** Whose `X-Forwarded-…` headers are believed, and whose connections are those of many. */
  readonly trustedProxies: readonly string[]
  /** A second, and twice as many at once. */
  readonly tokenRequests: number
  readonly tenantRequests: number
  /** A minute, from one address. */
  readonly failedSignIns: number
  readonly streamsPerToken: number
  readonly connectionsMax: number
  readonly connectionsPerAddress: number
  readonly headersMs: number
  readonly requestMs: number
}

/** What holds if nothing is set. */
export const accessDefaults: AccessConfig = {
  sessionIdleMs: 3_600_000,
  sessionMs: 12 * 3_600_000,
  trustedProxies: [],
  tokenRequests: 1_000,
  tenantRequests: 5_000,
  failedSignIns: 30,
  streamsPerToken: 200,
  connectionsMax: 4_096,
  connectionsPerAddress: 1_024,
  headersMs: 10_000,
  requestMs: 30_000,
}
