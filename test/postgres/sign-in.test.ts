import { expect, inject, test } from 'vitest'
import { isRefusal, orThrow } from '../../src/errors/refusal.ts'
import { systemRandom } from '../../src/identity/random.ts'
import { postgres } from '../../src/postgres.ts'
import { OpenAnswers, recheckMs } from '../../src/server/open-answers.ts'
import { Tokens } from '../../src/server.ts'
import { VirtualClock } from '../../src/time/clock.ts'
import { openDatabase } from './database.ts'

/** Two API processes on one database, each with connections of its own. */
async function twoProcesses() {
  const url = await openDatabase(inject('postgres'))
  const hosts = [await postgres({ url }), await postgres({ url })] as const
  const clock = new VirtualClock(Date.now())
  const [here, there] = hosts.map((host) => new Tokens({ host, clock, random: systemRandom })) as [Tokens, Tokens]
  const wanted = { name: 'n', principal: 'human:ada', tenant: 'acme', role: 'operator', expiresAt: null }
  return {
    here,
    there,
    clock,
    made: async () => orThrow(await here.create(wanted)),
    async [Symbol.asyncDispose]() {
      for (const host of hosts) await host.close()
    },
  }
}

test('SE-32 with several API processes the first request behind a revocation is refused by each, and what is open ends within a second', async () => {
  await using both = await twoProcesses()
  const { here, there, clock } = both
  const { token, view } = await both.made()
  const caller = orThrow(await there.identify(token))
  const answers = new OpenAnswers({ tokens: there, clock, perTokenMax: 10 })
  const open = answers.open(caller, true)
  await clock.advance(recheckMs)
  expect(open?.cut.aborted).toBe(false)
  orThrow(await here.revoke(view.id, 'acme'))
  expect(await there.identify(token)).toMatchObject({ code: 'invalid_token' })
  const cut = new Promise((resolve) => open?.cut.addEventListener('abort', resolve, { once: true }))
  await clock.advance(recheckMs)
  await cut
  open?.close()
})

test('SE-32 a link that two processes are given at once begins one session, which both know', async () => {
  await using both = await twoProcesses()
  const { here, there } = both
  const { view } = await both.made()
  const holder = { principal: 'human:ada', tenant: 'acme', tokenId: view.id }
  for (let round = 0; round < 5; round++) {
    const { ticket } = orThrow(await here.offer(holder))
    const answers = await Promise.all([here, there].map((tokens) => tokens.sessions.signIn(ticket)))
    const [begun, ...more] = answers.flatMap((answer) => (isRefusal(answer) ? [] : [answer.session]))
    expect(more).toEqual([])
    for (const tokens of [here, there]) expect(await tokens.session(begun ?? '')).toMatchObject({ tokenId: view.id })
  }
  expect(orThrow(await there.signOut(holder, true))).toBe(5)
})

test('SE-32 a rotation and a revocation in two processes leave the token revoked, whichever comes first', async () => {
  await using both = await twoProcesses()
  for (let round = 0; round < 5; round++) {
    const { token, view } = await both.made()
    const [rotated] = await Promise.all([
      both.here.rotate(view.id, 'acme', { overlapMs: 60_000, expiresAt: null }),
      both.there.revoke(view.id, 'acme'),
    ])
    const texts = [token, ...(isRefusal(rotated) ? [] : [rotated.token])]
    for (const text of texts) expect(await both.here.identify(text)).toMatchObject({ code: 'invalid_token' })
  }
})
