import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import type { Contender } from './contender.ts'
import { median } from './statistics.ts'
import { type Job, jobs } from './workload.ts'

export type Scenario = 'drain' | 'e2e' | 'bulk' | 'inFlight' | 'idle'

/** Executions per second, or for `idle` milliseconds at the median. */
export type Figures = Partial<Record<'drain' | 'e2e' | 'bulk' | 'inFlight' | 'idleStart' | 'idleDone', number>>

const callers = 10

/** One scenario on an open, empty store. */
export async function run(scenario: Scenario, contender: Contender, count: number, round: number): Promise<Figures> {
  const work = jobs(count, round)
  switch (scenario) {
    case 'drain':
      return { drain: await drain(contender, work) }
    case 'e2e':
      return { e2e: await endToEnd(contender, work) }
    case 'bulk':
      return { bulk: await rate(count, () => contender.submitBulk(work)) }
    case 'inFlight':
      return { inFlight: await rate(count, () => submitInFlight(contender, work)) }
    case 'idle':
      return await idle(contender, work)
  }
}

/** S1: everything is there before the worker starts; ends when the store says that all of it has ended. */
async function drain(contender: Contender, work: readonly Job[]): Promise<number> {
  await contender.submitBulk(work)
  const runs = counter(work.length)
  return await rate(work.length, async () => {
    await contender.startWorker({ onRun: runs.count, onEnd() {} })
    await runs.all
    await untilCompleted(contender, work.length)
  })
}

/** S2: from the first submission to the end of the last, while the worker runs. */
async function endToEnd(contender: Contender, work: readonly Job[]): Promise<number> {
  const runs = counter(work.length)
  await contender.startWorker({ onRun: runs.count, onEnd() {} })
  await pause(20)
  return await rate(work.length, async () => {
    await contender.submitBesideWorker(work)
    await runs.all
    await untilCompleted(contender, work.length)
  })
}

/** S3: ten callers, each waits for its answer before it submits again. */
async function submitInFlight(contender: Contender, work: readonly Job[]): Promise<void> {
  let next = 0
  const caller = async (): Promise<void> => {
    for (let job = work[next++]; job !== undefined; job = work[next++]) await contender.submit(job)
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

/** S4: one job at a time on an idle system: until its handler starts, and until its end can be read. */
async function idle(contender: Contender, work: readonly Job[]): Promise<Figures> {
  let startedAt = 0
  let run = Promise.withResolvers<void>()
  let end = Promise.withResolvers<void>()
  await contender.startWorker({
    onRun() {
      startedAt = performance.now()
      end = Promise.withResolvers<void>()
      run.resolve()
    },
    onEnd: () => end.resolve(),
  })
  await pause(50)
  const starts: number[] = []
  const dones: number[] = []
  for (const job of work) {
    run = Promise.withResolvers<void>()
    const submittedAt = performance.now()
    const id = await contender.submit(job)
    await run.promise
    await end.promise
    while (!(await contender.isCompleted(id))) await turn()
    starts.push(startedAt - submittedAt)
    dones.push(performance.now() - submittedAt)
    await pause(3)
  }
  return { idleStart: median(starts), idleDone: median(dones) }
}

/** The handlers only say when it is worth to begin asking the store. */
function counter(expected: number): { readonly count: () => void; readonly all: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  let seen = 0
  return {
    count() {
      seen += 1
      if (seen === expected) resolve()
    },
    all: promise,
  }
}

async function untilCompleted(contender: Contender, expected: number): Promise<void> {
  for (let seen = await contender.completed(); seen < expected; seen = await contender.completed()) await turn()
}

async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (count * 1_000) / (performance.now() - startedAt)
}
