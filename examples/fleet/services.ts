/**
 * The two services of the example, with what they know in memory: assets on 3001, automation on 3003. Run it by itself, or
 * start it in a test on ports that are free.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asset {
  readonly name: string
  readonly group: 'web' | 'databases'
  readonly env: 'staging' | 'prod'
  readonly diskUsedPercent: number
}

/** One thing that automation was told to do, once for each key. */
export interface Job {
  readonly key: string
  readonly kind: string
  readonly asset: string
  readonly detail: string
}

export interface Services {
  readonly assets: Asset[]
  readonly jobs: Job[]
  readonly urls: { readonly assets: string; readonly automation: string }
  close(): Promise<void>
}

const number = (count: number, name: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => name(index + 1))

export function someAssets(): Asset[] {
  const of = (group: Asset['group'], env: Asset['env'], names: readonly string[]): Asset[] =>
    names.map((name, index) => ({ name, group, env, diskUsedPercent: 40 + (index % 7) * 8 }))
  return [
    ...of(
      'web',
      'prod',
      number(50, (index) => `web-${String(index).padStart(2, '0')}`),
    ),
    ...of(
      'web',
      'staging',
      number(2, (index) => `stage-${index}`),
    ),
    ...of(
      'databases',
      'prod',
      number(3, (index) => `db-${index}`),
    ),
  ]
}

export async function startServices(ports = { assets: 0, automation: 0 }): Promise<Services> {
  const assets = someAssets()
  const jobs: Job[] = []
  const inventory = await listening(ports.assets, ({ url }) => {
    const { pathname, searchParams } = new URL(url ?? '/', 'http://assets')
    const fits = (asset: Asset): boolean =>
      [...searchParams].every(([field, value]) => String(asset[field as keyof Asset]) === value)
    return pathname === '/assets' ? assets.filter(fits) : undefined
  })
  const automation = await listening(ports.automation, async (request) => {
    const { pathname } = new URL(request.url ?? '/', 'http://automation')
    const found = jobs.find(({ key }) => pathname === `/jobs/${key}`)
    if (request.method === 'GET') return found
    const key = String(request.headers['idempotency-key'])
    const known = jobs.find((job) => job.key === key)
    if (known !== undefined) return known
    const job: Job = { ...(JSON.parse(await textOf(request)) as Omit<Job, 'key'>), key }
    jobs.push(job)
    return job
  })
  return {
    assets,
    jobs,
    urls: { assets: urlOf(inventory), automation: urlOf(automation) },
    close: async () => {
      for (const server of [inventory, automation]) {
        server.closeAllConnections()
        await new Promise((closed) => server.close(closed))
      }
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

/** Answers with JSON, and with 404 where there is nothing. */
async function listening(port: number, answer: (request: IncomingMessage) => unknown): Promise<Server> {
  const server = createServer((request, response: ServerResponse) => {
    Promise.resolve(answer(request)).then(
      (found) => {
        response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
        response.end(JSON.stringify(found ?? { error: 'not found' }))
      },
      (thrown: unknown) => response.writeHead(400).end(String(thrown)),
    )
  })
  await new Promise<void>((isListening) => server.listen(port, '127.0.0.1', isListening))
  return server
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

if (import.meta.main) {
  const { urls } = await startServices({ assets: 3001, automation: 3003 })
  console.log(`assets on ${urls.assets}, automation on ${urls.automation}`)
}
