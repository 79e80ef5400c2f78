/** docs/reference/permissions.md: every command and who may use it, as the one decision says. */
import { permissions, roles } from '../../src/commands/permissions.ts'
import { commands } from '../../src/commands/table.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { decideRight } from '../../src/rights/decide-right.ts'
import { Rights } from '../../src/rights/rights.ts'
import { generatedFrom, table } from './table.ts'

/** The columns: a kind of principal with the role of its token. */
const columns = roles.map((role) => {
  const kind = role === 'agent' || role === 'worker' ? role : 'human'
  return { role, principal: `${kind}:somebody`, title: kind === 'human' ? role : `${kind}: ${role}` }
})

function cell(principal: string, role: string, permission: string): string {
  const tenant = 'default'
  const decided = decideRight(Rights.none, { tenant, principal, role, permission, about: 'later', now: 0 })
  return isRefusal(decided) ? 'no' : decided.reach
}

export function permissionsPage(): string {
  const used = new Set<string>(commands.map(({ permission }) => permission))
  const rows = [
    ...commands.map(({ name, permission }) => ({ name, permission })),
    ...permissions.filter((name) => !used.has(name)).map((permission) => ({ name: '(worker protocol)', permission })),
  ]
  return `${generatedFrom('src/commands/permissions.ts and src/rights/decide-right.ts')}

# Who may do what

\`any\`: for everything of the tenant · \`own\`: for what the principal asked for itself · \`no\`: denied. A test sends every
command over HTTP, and gives it in the program, as every one of them. What grants, groups and roles of your own change of
it: [rights.md](../explain/rights.md). Agents and workers keep to their columns, whatever they are granted; \`system:\`
principals are Pawl itself and never sign in.

${table(
  ['command', 'permission', ...columns.map(({ title }) => title)],
  rows.map(({ name, permission }) => [
    name,
    `\`${permission}\``,
    ...columns.map(({ principal, role }) => cell(principal, role, permission)),
  ]),
)}
`
}
