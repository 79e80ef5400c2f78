/** The process of one contender: runs scenarios as it is told, so that no contender's memory or loop burdens another. */
import type { Closing, ContenderName } from './contender.ts'
import { contenderOf } from './roster.ts'
import { type Figures, run, type Scenario } from './scenarios.ts'

export interface Task {
  readonly scenario: Scenario
  readonly count: number
  readonly round: number
}

export type Done = { readonly figures: Figures; readonly closing: Closing } | { readonly failed: string }

const [name = '', url = ''] = process.argv.slice(2)

// The terminal tells the whole group; the process that started this one ends it in order.
process.on('SIGINT', () => {})
process.on('message', (task: Task) => void answer(task))
process.on('disconnect', () => process.exit())

async function answer(task: Task): Promise<void> {
  try {
    process.send?.(await perform(task))
  } catch (thrown) {
    process.send?.({ failed: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) })
  }
}

async function perform({ scenario, count, round }: Task): Promise<Done> {
  const contender = await contenderOf(name as ContenderName, scenario, url)
  await contender.open()
  const figures = await run(scenario, contender, count, round)
  return { figures, closing: await contender.close() }
}
