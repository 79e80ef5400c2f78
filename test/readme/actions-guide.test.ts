import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { projectRoot } from '../../scripts/files.ts'

const run = promisify(execFile)

test('the guide to actions runs as it stands and ends with what it says', async () => {
  const guide = await readFile(join(projectRoot, 'docs/guide/actions.md'), 'utf8')
  const code = guide.slice(guide.indexOf('```ts\n') + 6, guide.indexOf('\n```', guide.indexOf('```ts\n')))
  const folder = await mkdtemp(join(projectRoot, 'test/readme/.run-'))
  try {
    const file = join(folder, 'deploy.ts')
    await writeFile(file, code)
    const { stdout } = await run(process.execPath, ['--conditions=pawl-source', file], { cwd: folder })
    expect(stdout).toContain("{ by: 'alice', healthy: true, id: 'web-17/image-1.4' }")
    expect(stdout).toContain("[ 'deployed' ]")
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
