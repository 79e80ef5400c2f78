import { z } from 'zod'
import { action } from '../../src/action/action.ts'
import { NetworkError, TerminalError } from '../../src/errors/failures.ts'
import type { Asset, Job } from './services.ts'

const urls = () => ({
  assets: process.env.FLEET_ASSETS_URL ?? 'http://127.0.0.1:3001',
  automation: process.env.FLEET_AUTOMATION_URL ?? 'http://127.0.0.1:3003',
})

type Filter = Readonly<Partial<Record<'name' | 'group' | 'env', string | undefined>>>

async function assetsOf(filter: Filter, signal: AbortSignal): Promise<readonly Asset[]> {
  const query = new URLSearchParams(
    Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  return (await ask(`${urls().assets}/assets?${query}`, { signal })) as readonly Asset[]
}

/** Once for each key: whoever asks again is given the job of before. */
async function perform(job: Omit<Job, 'key'>, key: string, signal: AbortSignal): Promise<Job> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key }
  const asked = { method: 'POST', headers, body: JSON.stringify(job), signal }
  return (await ask(`${urls().automation}/jobs`, asked)) as Job
}

async function ask(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, init).catch((thrown: unknown) => {
    throw new NetworkError(`${url} does not answer`, { cause: thrown })
  })
  if (response.status >= 500) throw new NetworkError(`${url} answers with ${response.status}`)
  if (!response.ok) throw new TerminalError(`${url} answers with ${response.status}`)
  return await response.json()
}

/** Level 0: "how many servers?" Nothing changes, so nobody is asked. */
export const count = action({
  name: 'asset.count',
  version: 1,
  input: z.object({ group: z.enum(['web', 'databases']).optional(), env: z.enum(['staging', 'prod']).optional() }),
  run: async ({ input, signal }) => ({ count: (await assetsOf(input, signal)).length }),
})

/** Level 0: "show disk usage". */
export const disk = action({
  name: 'asset.disk',
  version: 1,
  input: z.object({ name: z.string() }),
  subject: ({ name }) => `asset:${name}`,
  async run({ input, signal }) {
    const [found] = await assetsOf(input, signal)
    if (found === undefined) throw new TerminalError(`There is no asset ${input.name}.`)
    return { name: found.name, diskUsedPercent: found.diskUsedPercent }
  },
})

/** Level 1: "restart nginx". Whoever asked says yes once more, and it goes. */
export const restart = action({
  name: 'service.restart',
  version: 1,
  input: z.object({ asset: z.string(), service: z.string() }),
  approval: 'confirm',
  effects: ['restart'],
  subject: ({ asset }) => `asset:${asset}`,
  locks: ({ asset }) => [`asset:${asset}`],
  run: ({ input: { asset, service }, effect, signal }) =>
    effect('restart', {
      target: 'keyed',
      do: ({ effectKey }) => perform({ kind: 'restart', asset, detail: service }, effectKey, signal),
    }),
})

/** Level 2: "backup all databases". Somebody else looks at the list and agrees to exactly that. */
export const backup = action({
  name: 'fleet.backup',
  version: 1,
  input: z.object({}),
  approval: 'plan_review',
  approvals: { useBy: '4h', planMaxAge: '15m' },
  async plan({ read, signal }) {
    const found = await read('databases', () => assetsOf({ group: 'databases' }, signal))
    const steps = found.map(({ name }) => ({ step: 'dump', target: name, args: {}, effects: ['dump'] }))
    return { summary: `Back up ${found.length} databases`, steps }
  },
  steps: {
    dump: {
      onFailure: 'continue',
      run: ({ target, effect, signal }) =>
        effect('dump', {
          target: 'keyed',
          do: ({ effectKey }) => perform({ kind: 'backup', asset: target, detail: 'full' }, effectKey, signal),
        }),
    },
  },
})

/** Level 2 on staging. Level 3 on production: after the plan, each wave waits for its own yes: one server, half, the rest. */
export const deploy = action({
  name: 'fleet.deploy',
  version: 1,
  input: z.object({ release: z.string(), env: z.enum(['staging', 'prod']) }),
  approval: ({ env }) => (env === 'prod' ? 'step_by_step' : 'plan_review'),
  approvals: { useBy: '4h', planMaxAge: '15m' },
  locks: ({ env }) => [`fleet:${env}`],
  async plan({ input: { release, env }, read, signal }) {
    const found = await read('servers', () => assetsOf({ group: 'web', env }, signal))
    const names = found.map(({ name }) => name).sort()
    const half = Math.ceil(names.length / 2)
    const waves = [names.slice(0, 1), names.slice(1, half), names.slice(half)].filter((wave) => wave.length > 0)
    return {
      summary: `Deploy ${release} to ${names.length} servers of ${env} in ${waves.length} waves`,
      ordered: true,
      steps: waves.map((servers, index) => ({
        step: 'wave',
        target: `${index + 1}: ${servers[0]} to ${servers.at(-1)}`,
        args: { servers },
        effects: servers.map((server) => `deploy ${server}`),
      })),
    }
  },
  steps: {
    wave: {
      async run({ input: { release }, args, effect, signal }) {
        const { servers } = z.object({ servers: z.array(z.string()) }).parse(args)
        for (const asset of servers) {
          await effect(`deploy ${asset}`, {
            target: 'keyed',
            do: ({ effectKey }) => perform({ kind: 'deploy', asset, detail: release }, effectKey, signal),
          })
        }
        return { servers: servers.length }
      },
    },
  },
})

export const actions = [count, disk, restart, backup, deploy] as const
