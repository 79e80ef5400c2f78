import { expect, test } from 'vitest'
import { may, permissions, type Reach, type Role, roles } from './permissions.ts'
import { commands } from './table.ts'

const agentMay: Readonly<Record<string, Reach>> = {
  submit: 'any',
  'submit-many': 'any',
  status: 'own',
  events: 'own',
  wait: 'own',
  stream: 'own',
  cancel: 'own',
}

test.each(commands.map((command) => [command.name, command.permission] as const))(
  'REL-06b an agent may use %s only if it submits, watches or cancels its own',
  (name, permission) => {
    expect(may('agent', permission)).toBe(agentMay[name] ?? 'none')
  },
)

test('REL-06b every permission is denied to an unknown role, and every unknown permission to every role', () => {
  for (const permission of permissions) expect(may('root', permission)).toBe('none')
  for (const role of [...roles, '__proto__', 'constructor', '']) expect(may(role, 'execution.destroy')).toBe('none')
})

test('a worker may speak the worker protocol and nothing else, and nobody but it and an admin may', () => {
  for (const permission of permissions)
    expect(may('worker', permission)).toBe(permission === 'worker.protocol' ? 'any' : 'none')
  const speakers = roles.filter((role) => may(role, 'worker.protocol') !== 'none')
  expect(speakers).toEqual(['admin', 'worker'] satisfies Role[])
})

test('a viewer changes nothing but its own sessions', () => {
  const own = new Set(['sign-in', 'sign-out'])
  const changing = commands.filter(({ http, name }) => http.method !== 'GET' && !own.has(name))
  for (const { permission } of changing) expect(may('viewer', permission)).toBe('none')
})

test('every permission but that of the worker protocol belongs to a command', () => {
  const used = new Set<string>([...commands.map(({ permission }) => permission), 'worker.protocol'])
  expect(permissions.filter((permission) => !used.has(permission))).toEqual([])
})
