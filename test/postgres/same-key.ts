/** One of several processes that submit the same key at the same time: on a database, or over HTTP. */
import { once } from 'node:events'
import { connect } from '../../src/client.ts'
import { createPawl, isRefusal } from '../../src/pawl.ts'
import { marks } from './shared-actions.ts'

/** Where they submit it. */
export type SameKeyPlace =
  | { readonly kind: 'database'; readonly store: string; readonly dataDir: string }
  | { readonly kind: 'http'; readonly url: string; readonly token: string }

export type SameKey = SameKeyPlace & { readonly each: number }

export interface SameKeyAnswers {
  readonly ids: readonly string[]
  /** How many were told that theirs is new. */
  readonly created: number
  readonly answered: number
}

const target = JSON.parse(process.argv[2] ?? '') as SameKey
const actions = marks(() => {})
const request = { action: 'mark.make', input: { name: 'one' }, key: 'K-1' } as const
const pawl =
  target.kind === 'database'
    ? await createPawl({
        store: target.store,
        actions,
        slots: 0,
        duties: false,
        dataDir: target.dataDir,
      })
    : null
const client = target.kind === 'http' ? connect<typeof actions>({ url: target.url, token: target.token }) : null
const submit = async () => await (pawl === null ? client?.trySubmit(request) : pawl.trySubmit(request))

process.send?.('ready')
await once(process, 'message')
const answers = await Promise.all(Array.from({ length: target.each }, submit))
const ids: string[] = []
let created = 0
for (const answer of answers) {
  if (answer === undefined || isRefusal(answer)) throw new Error(JSON.stringify(answer))
  ids.push(answer.id)
  if (!answer.replayed) created += 1
}
await pawl?.stop()
process.send?.({ ids: [...new Set(ids)], created, answered: ids.length } satisfies SameKeyAnswers)
process.disconnect()
