import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { projectRoot } from '../../scripts/files.ts'

const run = promisify(execFile)

test('SE-31 the example about policies runs as it stands and prints what the page says', async () => {
  const page = await readFile(join(projectRoot, 'docs/explain/policy.md'), 'utf8')
  const block = (kind: string): string => {
    const from = page.indexOf(`\`\`\`${kind}\n`) + kind.length + 4
    return page.slice(from, page.indexOf('\n```', from))
  }
  // Inside the checkout, so that the package finds itself and its dependencies by name, as in a user's project.
  const folder = await mkdtemp(join(projectRoot, 'test/readme/.run-'))
  try {
    const file = join(folder, 'policy.ts')
    await writeFile(file, block('ts'))
    const { stdout } = await run(process.execPath, ['--conditions=pawl-source', file], { cwd: folder })
    expect(stdout.trim()).toBe(block('text'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
