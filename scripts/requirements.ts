/** Prints which requirements a test shows and which not; fails if the page is stale or a test names an unknown ID. */
import { projectFiles } from './files.ts'
import {
  pathsFor,
  readEvidence,
  readRequirements,
  renderRequirements,
  requirementsPath,
  unknownIds,
} from './requirement-table.ts'

const files = projectFiles()
const page = files.find(({ path }) => path === requirementsPath)?.text ?? ''
const requirements = readRequirements(page)
const evidence = readEvidence(files)
const unknown = unknownIds(requirements, evidence)

for (const requirement of requirements) {
  const paths = pathsFor(requirement, evidence)
  console.log(
    `${paths.length > 0 ? 'shown    ' : 'not shown'} ${requirement.ids.join(' ').padEnd(24)} ${paths.join(' ')}`,
  )
}
const shown = requirements.filter((requirement) => pathsFor(requirement, evidence).length > 0).length
console.log(`${requirements.length} requirements: a test names ${shown}, none names ${requirements.length - shown}`)

for (const { id, path } of unknown) console.error(`${path} names ${id}, which ${requirementsPath} does not list`)
const isStale = renderRequirements(page, evidence) !== page
if (isStale) console.error(`${requirementsPath} is stale; run: npm run generate`)
if (requirements.length === 0) console.error(`${requirementsPath} lists no requirement`)
process.exitCode = unknown.length > 0 || isStale || requirements.length === 0 ? 1 : 0
