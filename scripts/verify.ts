/** Fails when a generated file is not what its generator renders, and names it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './files.ts'
import { generators, stalePaths } from './generated.ts'

const stale = await stalePaths(generators, (path) => {
  const file = join(projectRoot, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
})
for (const path of stale) console.error(`${path} is stale; run: npm run generate`)
console.log(`${generators.length - stale.length} of ${generators.length} generated files are up to date`)
process.exitCode = stale.length > 0 ? 1 : 0
