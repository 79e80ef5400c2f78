/** One story that uses every command of the table, told once over HTTP and once inside the program. */
import { expect, test } from 'vitest'
import { connect } from '../../../src/client.ts'
import type { Command } from '../../../src/commands/command.ts'
import { fieldsOf } from '../../../src/commands/fields.ts'
import { commands } from '../../../src/commands/table.ts'
import { type Api, type Known, more, refused, story } from './operations-story.ts'
import { serving } from './serving.ts'

/** The answers of the story, with ids and times that differ from server to server told apart by their place only. */
async function tell(api: Api): Promise<unknown[]> {
  const known: Known = {}
  const answers: unknown[] = []
  for (const [command, asks] of story) answers.push({ command, answer: (await asks(api, known)) ?? null })
  const names = new Map<string, string>()
  const text = JSON.stringify(answers)
    // How many events share a commit is left to chance.
    .replaceAll(/"(position|fence)":\d+/g, '"$1":0')
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
    .replaceAll(/\b(?:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,64})\b/g, (found) => {
      names.set(found, names.get(found) ?? `id-${names.size + 1}`)
      return names.get(found) ?? ''
    })
  return JSON.parse(text) as unknown[]
}

/** What was sent, by command. */
class Sent {
  readonly #fields = new Map<Command, Set<string>>()

  note(url: URL, init: RequestInit | undefined): void {
    for (const command of commands) {
      const { method, path, headers = {} } = command.http
      const match = new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(url.pathname)
      if (method !== init?.method || match === null) continue
      if (this.#named(command, match)) continue
      const body = typeof init.body === 'string' ? (JSON.parse(init.body) as object) : {}
      const given = new Headers(init.headers)
      const fields = [
        ...Object.keys(match.groups ?? {}),
        ...url.searchParams.keys(),
        ...Object.keys(body),
        ...Object.entries(headers).flatMap(([field, header]) => (given.has(header) ? [field] : [])),
      ]
      this.#fields.set(command, new Set([...(this.#fields.get(command) ?? []), ...fields]))
    }
  }

  /** A path that a route without a parameter serves: `/v1/executions/batch` is nobody's id. */
  #named(command: Command, match: RegExpExecArray): boolean {
    return (
      Object.keys(match.groups ?? {}).length > 0 &&
      commands.some(({ http }) => http.path === match[0] && http.method === command.http.method)
    )
  }

  /** Commands that nothing has sent, and fields of the others. */
  missing(): string[] {
    return commands.flatMap((command) => {
      const sent = this.#fields.get(command)
      if (sent === undefined) return [command.name]
      return fieldsOf(command.input).flatMap(({ name }) => (sent.has(name) ? [] : [`${command.name}: ${name}`]))
    })
  }
}

test('DG-05 every command of the table has a method, with the same answers and refusals over HTTP and embedded', async () => {
  await using served = await serving({ slots: 2, more })
  await using held = await serving({ slots: 2, more })
  const sent = new Sent()
  const client: Api = connect({
    url: 'http://here',
    token: served.adminToken,
    fetch: async (url, init) => {
      sent.note(new URL(new Request(url).url), init)
      return served.app.request(new Request(url, init))
    },
  })
  const embedded = held.pawl.as({ principal: 'human:admin', tenant: 'default', role: 'admin' }) as unknown as Api
  const [over, inside] = [await tell(client), await tell(embedded)]
  expect(inside).toEqual(over)
  expect(
    story.flatMap(([, asks], index) => (String(asks).includes('refused(') ? [over[index]] : [])),
  ).not.toContainEqual(expect.objectContaining({ answer: 'not refused' }))
  // A link into a browser carries the rights of a token, which an embedded caller has none of.
  expect(await client.tokens.signInLink()).toHaveProperty('path')
  expect(await refused(embedded.tokens.signInLink())).toMatchObject({ code: 'not_signed_in' })
  // Events that are waited for come through `watch`.
  expect(sent.missing()).toEqual(['wait: after'])
})

test('DG-05 whoever holds the library acts with the rights of a role, for their tenant, as over HTTP', async () => {
  await using server = await serving({ slots: 0 })
  const viewer = server.pawl.as({ principal: 'human:victor', tenant: 'default', role: 'viewer' })
  const request = { action: 'demo.add', input: { a: 1 } } as const
  for (const asked of [viewer.submit(request), viewer.submitMany([request]), viewer.limits.set('tenant', 1, 'mine')])
    expect(await refused(asked)).toMatchObject({ code: 'not_permitted' })
  const { id: mine } = await server.pawl.submit(request)
  expect((await viewer.get(mine)).requestedBy).toBe('service:embedded')
  const stranger = server.pawl.as({ principal: 'human:bob', tenant: 'globex' })
  expect(await refused(stranger.get(mine))).toMatchObject({ code: 'not_found' })
  const agent = server.pawl.as({ principal: 'agent:a', tenant: 'default', role: 'agent' })
  const { id: its } = await agent.submit(request)
  expect(await refused(agent.cancel(mine))).toMatchObject({ code: 'not_permitted' })
  expect((await agent.cancel(its)).state).toBe('canceled')
})
