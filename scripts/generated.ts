/** Every file that is made from a declaration elsewhere. Add a generator here; `generate` writes, `verify` compares. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openapi } from '../src/commands/openapi.ts'
import { configReference, envExample } from '../src/config/reference.ts'
import { billPath, renderBill } from './bill-of-materials.ts'
import { projectFiles, projectRoot } from './files.ts'
import { codesPage } from './generated/codes-page.ts'
import { commandsPage } from './generated/commands-page.ts'
import { metricsPage } from './generated/metrics-page.ts'
import { permissionsPage } from './generated/permissions-page.ts'
import { routesModule } from './generated/routes.ts'
import { schemaPage } from './generated/schema-page.ts'
import { statesPage } from './generated/states-page.ts'
import { generatedFrom } from './generated/table.ts'
import { timeoutsPage } from './generated/timeouts-page.ts'
import { readEvidence, renderRequirements, requirementsPath } from './requirement-table.ts'

export interface Generator {
  path: string
  render: () => string | Promise<string>
}

export const generators: readonly Generator[] = [
  { path: 'docs/reference/states.md', render: statesPage },
  { path: 'docs/reference/codes.md', render: codesPage },
  { path: 'docs/reference/commands.md', render: commandsPage },
  { path: 'docs/reference/metrics.md', render: metricsPage },
  { path: 'docs/reference/permissions.md', render: permissionsPage },
  { path: 'docs/reference/openapi.json', render: () => `${JSON.stringify(openapi(), null, 2)}\n` },
  { path: 'src/operations/routes.ts', render: routesModule },
  { path: 'docs/reference/schema.md', render: schemaPage },
  { path: 'docs/reference/timeouts-and-retries.md', render: timeoutsPage },
  {
    path: 'docs/reference/configuration.md',
    render: () => `${generatedFrom('src/config/variables.ts')}\n\n${configReference()}`,
  },
  { path: '.env.example', render: envExample },
  { path: billPath, render: renderBill },
  {
    path: requirementsPath,
    render: () =>
      renderRequirements(readFileSync(join(projectRoot, requirementsPath), 'utf8'), readEvidence(projectFiles())),
  },
]

/** The paths whose text is not what its generator renders. `read` gives undefined for a file that does not exist. */
export async function stalePaths(
  all: readonly Generator[],
  read: (path: string) => string | undefined,
): Promise<string[]> {
  const stale: string[] = []
  for (const { path, render } of all) if ((await render()) !== read(path)) stale.push(path)
  return stale
}
