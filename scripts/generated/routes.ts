import { commands } from '../../src/commands/table.ts'

/** Where each command is served, for programs that must not load the table and what it stands on. */
export function routesModule(): string {
  const rows = commands.map(({ name, http: { method, path } }) => {
    const key = /^[a-z]+$/.test(name) ? name : `'${name}'`
    return `  ${key}: { method: '${method}', path: '${path}' },`
  })
  return `/** Generated from src/commands/table.ts; change that and run: npm run generate */
export const routes = {
${rows.join('\n')}
} as const
`
}
