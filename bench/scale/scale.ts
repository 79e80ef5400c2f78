import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Committer } from '../../src/commit/committer.ts'
import type { Claimed, Orders } from '../../src/commit/order.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import type { StoreSession } from '../../src/store/store.ts'
import { createSystemClock } from '../../src/time/clock.ts'
import { commit } from '../machine.ts'
import { actions, fill, type Sizes } from './fill.ts'

const cycles = 200
const pageBytes = 4096
/** So few pages are kept that whatever a claim needs is read anew. */
const cachePages = 10

export const fullSizes: Sizes = { parked: 100_000, delayed: 1_000_000, finished: 1_000_000, tenants: 10_000 }
export const emptySizes: Sizes = { parked: cycles + 1, delayed: 0, finished: 0, tenants: cycles + 1 }

/** What one claim, or one settling that hands a lock on, costs; as means over many. */
interface Cost {
  readonly questions: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly pagesRead: number
  readonly ms: number
}

type Costs = { readonly [K in 'claim of due work' | 'settling, and claim of the next in line for a lock']: Cost }

/** Counts what a claim reads in an empty store and in a full one, and writes the table. */
export async function scale(folder: string, write: boolean, say: (sentence: string) => void): Promise<number> {
  const empty = await measure(join(folder, 'empty.db'), emptySizes, say)
  const full = await measure(join(folder, 'full.db'), fullSizes, say)
  const text = page(empty, full)
  console.log(text)
  if (write) writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference', 'scale.md'), text)
  return 0
}

/** Fills a store and counts what claims cost in it. */
export async function measure(path: string, sizes: Sizes, say: (sentence: string) => void): Promise<Costs> {
  const clock = createSystemClock()
  const filling = openSqlite({ path })
  say(`Filling ${sizes.parked + sizes.delayed + sizes.finished + sizes.tenants} executions …`)
  fill(filling.raw, sizes, clock.now())
  filling.close()
  const opened = openSqlite({ path })
  opened.raw.exec(`pragma cache_size = ${cachePages}`)
  const counted = counting(opened.session)
  const committer = await Committer.open({
    session: counted.session,
    idKey: opened.publicIdKey,
    clock,
    soon: setImmediate,
    onFailure: (error) => say(error.stack ?? error.message),
  })
  const worker = await register(committer)
  const claim = async (action: number): Promise<Claimed> => {
    const order = { kind: 'claim', worker: worker[action] ?? 0, limit: 1, leaseMs: 30_000, waitMs: 0 } as const
    const claimed = await committer.give<'claim'>(order)
    const [one] = isRefusal(claimed) ? [] : claimed
    if (one === undefined) throw new Error(`nothing was due of ${actions[action]}`)
    return one
  }
  const succeed = async (action: number, { execution: { id, fence } }: Claimed): Promise<void> => {
    const command = { type: 'succeed', fence, result: '1', fingerprint: 'f' } as const
    const answer = await committer.give<'work'>({ kind: 'work', worker: worker[action] ?? 0, id, command })
    if (isRefusal(answer)) throw new Error(answer.reason)
  }
  await claim(0)
  const due = await counted.over(async () => {
    for (let cycle = 0; cycle < cycles; cycle++) await claim(0)
  })
  let holder = await claim(1)
  const line = await counted.over(async () => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      await succeed(1, holder)
      holder = await claim(1)
    }
  })
  await committer.close()
  return { 'claim of due work': due, 'settling, and claim of the next in line for a lock': line }
}

async function register(orders: Orders): Promise<number[]> {
  const keys: number[] = []
  for (const [index, action] of actions.entries()) {
    const hello = {
      identity: action,
      incarnation: action,
      host: 'bench',
      pid: index,
      startedTicks: null,
      bootId: null,
      actions: [{ action, version: 1 }],
      slots: 1,
    }
    const answer = await orders.give<'register'>({ kind: 'register', hello })
    if (isRefusal(answer)) throw new Error(answer.reason)
    keys.push(answer.worker)
  }
  return keys
}

/** Counts what goes through the door of a session, and the bytes that the process has read. */
function counting(inner: StoreSession) {
  let questions = 0
  let rowsRead = 0
  let rowsWritten = 0
  const session = new Proxy(inner, {
    get(target, name: keyof StoreSession) {
      const method = target[name] as ((...args: unknown[]) => unknown) | undefined
      // Whoever has no other writers beside it leaves some out.
      if (method === undefined) return undefined
      const call = method.bind(target)
      return (...args: unknown[]) => {
        const answer = call(...args)
        if (name === 'write') rowsWritten += rowsIn(args[0])
        else if (!doors.has(name)) {
          questions += 1
          rowsRead += Array.isArray(answer) ? answer.length : 1
        }
        return answer
      }
    },
  })
  return {
    session,
    async over(work: () => Promise<void>): Promise<Cost> {
      questions = 0
      rowsRead = 0
      rowsWritten = 0
      const [bytes, startedAt] = [bytesRead(), performance.now()]
      await work()
      const each = (figure: number): number => figure / cycles
      return {
        questions: each(questions),
        rowsRead: each(rowsRead),
        rowsWritten: each(rowsWritten),
        pagesRead: each((bytesRead() - bytes) / pageBytes),
        ms: each(performance.now() - startedAt),
      }
    },
  }
}

const doors: ReadonlySet<string> = new Set(['begin', 'commit', 'rollback', 'close'])

function rowsIn(changes: unknown): number {
  if (Array.isArray(changes)) return changes.length
  if (typeof changes !== 'object' || changes === null) return 0
  return Object.values(changes).reduce<number>((sum, part) => sum + rowsIn(part), 0)
}

/** Linux counts what a process has read, from the page cache too. */
const bytesRead = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0)

function page(empty: Costs, full: Costs): string {
  const figure = (value: number): string => value.toFixed(value < 10 ? 2 : 1)
  const lines = (Object.keys(full) as (keyof Costs)[]).flatMap((name) =>
    (['questions', 'rowsRead', 'rowsWritten', 'pagesRead', 'ms'] as const).map((kind) => {
      const words = {
        questions: 'questions',
        rowsRead: 'rows read',
        rowsWritten: 'rows written',
        pagesRead: 'pages read',
        ms: 'ms',
      }[kind]
      return `| ${name} | ${words} | ${figure(empty[name][kind])} | ${figure(full[name][kind])} |`
    }),
  )
  const { parked, delayed, finished, tenants } = fullSizes
  return `# Claims at scale

<!-- Generated by \`npm run bench -- scale --write\`; do not edit. -->

What one claim costs in a store that holds next to nothing, and in one that holds ${parked.toLocaleString('en')} executions in line for one lock,
${delayed.toLocaleString('en')} that are due tomorrow, ${finished.toLocaleString('en')} that have ended and ${tenants.toLocaleString('en')} tenants with due work. Means of ${cycles} claims, one at a time, each
a commit of its own. SQLite may keep ${cachePages} pages only, so that whatever a claim needs is read anew: pages grow with the depth of the trees
(the logarithm of the rows), questions and rows do not grow at all.

Measured at commit \`${commit()}\`: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}.

| | | next to empty | full |
|---|---|---|---|
${lines.join('\n')}
`
}
