import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../../src/commands/command.ts'
import { isRole, type Role, roles } from '../../../src/commands/permissions.ts'
import { commands } from '../../../src/commands/table.ts'
import { Embedded } from '../../../src/embedded.ts'
import { isRefusal } from '../../../src/errors/refusal.ts'
import type { CommandName } from '../../../src/operations/carrier.ts'
import { bodyOf, serving } from './serving.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/permissions.md'), 'utf8')

/** The cells of the page, by command and role. */
function cellsOfPage(): Map<string, Map<Role, string>> {
  const [head = [], , ...rows] = page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const titles = head.map((title) => title.replace(/^\w+: /, ''))
  const cells = new Map<string, Map<Role, string>>()
  for (const row of rows) {
    const ofRow = new Map<Role, string>()
    for (const [index, title] of titles.entries()) if (isRole(title)) ofRow.set(title, row[index] ?? '')
    cells.set(row[1] ?? '', ofRow)
  }
  return cells
}

const takesExecution = ({ http }: Command): boolean => http.path.startsWith('/v1/executions/{id}')

/** What a principal meets: `any` where it reaches what somebody else asked for, `own` where only what it asked for itself. */
async function met(
  command: Command,
  ask: (id: string) => Promise<boolean>,
  others: string,
  own: string,
): Promise<string> {
  if (!takesExecution(command)) return (await ask('none')) ? 'no' : 'any'
  if (!(await ask(others))) return 'any'
  return (await ask(own)) ? 'no' : 'own'
}

test('SE-32 REL-06b the page of who may what holds every command, and every cell is so over HTTP and in the program', async () => {
  await using server = await serving({ slots: 0 })
  const cells = cellsOfPage()
  expect([...cells.keys()].sort()).toEqual([...commands.map(({ name }) => name), '(worker protocol)'].sort())
  const submit = async (headers: Record<string, string>): Promise<string> => {
    const body = { action: 'demo.add', input: { a: 1 } }
    return String((await bodyOf(await server.send('/v1/executions', { body, headers }))).id)
  }
  const others = await submit({})
  const differing: string[] = []
  for (const role of roles) {
    const kind = role === 'agent' || role === 'worker' ? role : 'human'
    const principal = `${kind}:cell-${role}`
    const wanted = { name: 'cell', principal, tenant: 'default', role, expiresAt: null, scope: null }
    const created = await server.tokens.create(wanted)
    if (isRefusal(created)) throw new Error(created.reason)
    const headers = { authorization: `Bearer ${created.token}` }
    const own = await submitAs(server.pawl.engine.plane, principal)
    const embedded = new Embedded(server.pawl.engine, { principal, tenant: 'default', role })
    for (const command of commands) {
      const { name, http } = command
      const isHttpDenied = async (id: string): Promise<boolean> => {
        const path = http.path.replace('{id}', id).replaceAll(/\{\w+\}/g, '999999')
        const query = name === 'wait' ? '?timeoutMs=0' : ''
        const body = http.method === 'POST' ? { body: {} } : {}
        const response = await server.send(`${path}${query}`, { method: http.method, headers, ...body })
        await response.body?.cancel()
        return response.status === 403 && (response.headers.get('content-type') ?? '').includes('problem')
      }
      const isDenied = async (id: string): Promise<boolean> => {
        const named = [...http.path.matchAll(/\{(\w+)\}/g)].map(([, field = '']) => [
          field,
          field === 'id' ? id : '999999',
        ])
        const input = { ...Object.fromEntries(named), ...(name === 'wait' ? { timeoutMs: 0 } : {}) }
        const carried = await embedded.carry(name as CommandName, input)
        return isRefusal(carried) && carried.code === 'not_permitted'
      }
      const said = cells.get(name)?.get(role)
      const [http_, inside] = [await met(command, isHttpDenied, others, own), await met(command, isDenied, others, own)]
      if (http_ !== said || inside !== said)
        differing.push(`${name} as ${role}: page ${said}, HTTP ${http_}, inside ${inside}`)
    }
    const worker = await server.send('/v1/worker/register', { body: {}, headers })
    const said = cells.get('(worker protocol)')?.get(role)
    if ((worker.status === 403 ? 'no' : 'any') !== said) differing.push(`worker protocol as ${role}: page ${said}`)
  }
  expect(differing).toEqual([])
})

type Plane = Awaited<ReturnType<typeof serving>>['pawl']['engine']['plane']

async function submitAs(plane: Plane, principal: string): Promise<string> {
  const by = { principal, tenant: 'default' }
  return (await plane.submit({ action: 'demo.add', input: { a: 1 } }, by)).execution.id
}
