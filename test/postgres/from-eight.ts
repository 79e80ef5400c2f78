import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { SameKey, SameKeyAnswers, SameKeyPlace } from './same-key.ts'

const processes = 8
const each = 125
export const inAll = processes * each

/** All processes are ready before the first submits, so that they meet. */
export async function submitFromAll(target: SameKeyPlace): Promise<SameKeyAnswers> {
  const children = Array.from({ length: processes }, () => {
    const child = fork(
      join(import.meta.dirname, 'same-key.ts'),
      [JSON.stringify({ ...target, each } satisfies SameKey)],
      { stdio: 'inherit' },
    )
    return { child, ready: once(child, 'message') }
  })
  await Promise.all(children.map(({ ready }) => ready))
  const answers = children.map(({ child }) => once(child, 'message'))
  for (const { child } of children) child.send('go')
  const all = (await Promise.all(answers)).map(([message]) => message as SameKeyAnswers)
  await Promise.all(children.filter(({ child }) => child.exitCode === null).map(({ child }) => once(child, 'exit')))
  return {
    ids: [...new Set(all.flatMap(({ ids }) => ids))],
    created: all.reduce((sum, { created }) => sum + created, 0),
    answered: all.reduce((sum, { answered }) => sum + answered, 0),
  }
}
