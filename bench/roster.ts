import type { Contender, ContenderName } from './contender.ts'
import type { Scenario } from './scenarios.ts'

export interface Entry {
  readonly name: ContenderName
  readonly title: string
  /** What a reader needs to do the same. */
  readonly configuration: string
  readonly needs?: 'postgres' | 'redis' | undefined
}

/** Everybody who is measured, in the order of each round. */
export const roster: readonly Entry[] = [
  { name: 'pawl', title: 'Pawl', configuration: 'default options: SQLite, writer thread' },
  { name: 'pawl-inline', title: 'Pawl, inline writer', configuration: "default options, `writer: 'inline'`" },
  { name: 'plainjob', title: 'plainjob 0.0.14', configuration: '`synchronous=FULL`, poll interval 1 ms' },
  {
    name: 'graphile',
    title: 'Graphile Worker 0.18',
    configuration:
      'concurrency 24, localQueue 1000, refetchDelay 10, completeJobBatchDelay 5; idle: no local queue, no batching',
    needs: 'postgres',
  },
  {
    name: 'bullmq',
    title: 'BullMQ 6.7',
    configuration: 'concurrency 100; Redis `appendonly yes, appendfsync always`',
    needs: 'redis',
  },
]

/** Best configurations found; a batch of completions is what makes Graphile quick under load and slow when idle. */
const graphileLoaded = {
  concurrentJobs: 24,
  localQueue: { size: 1_000, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 5,
  failJobBatchDelay: 5,
}
const graphileIdle = { concurrentJobs: 24 }

export async function contenderOf(name: ContenderName, scenario: Scenario, url: string): Promise<Contender> {
  switch (name) {
    case 'pawl':
    case 'pawl-inline': {
      const { PawlContender } = await import('./contenders/pawl.ts')
      return new PawlContender(name === 'pawl' ? 'thread' : 'inline')
    }
    case 'plainjob': {
      const { PlainJobContender } = await import('./contenders/plainjob.ts')
      return new PlainJobContender()
    }
    case 'graphile': {
      const { GraphileContender } = await import('./contenders/graphile.ts')
      return new GraphileContender(url, scenario === 'idle' ? graphileIdle : graphileLoaded)
    }
    case 'bullmq': {
      const { BullMqContender } = await import('./contenders/bullmq.ts')
      return new BullMqContender(url)
    }
  }
}
