import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { projectRoot } from '../../scripts/files.ts'

const run = promisify(execFile)

test("the guide's example runs as it stands, in Node's own test runner and without vitest", async () => {
  const guide = await readFile(join(projectRoot, 'docs/guide/testing.md'), 'utf8')
  const code = guide.slice(guide.indexOf('```ts\n') + 6, guide.indexOf('\n```', guide.indexOf('```ts\n')))
  // Inside the checkout, so that the package finds itself and its dependencies by name, as in a user's project.
  const folder = await mkdtemp(join(projectRoot, 'test/readme/.run-'))
  try {
    const file = join(folder, 'invoice.ts')
    await writeFile(file, code)
    // The variable makes Node report to a parent runner, which is none here.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const args = ['--conditions=pawl-source', '--test-reporter=tap', file]
    const { stdout } = await run(process.execPath, args, { cwd: folder, env })
    expect(stdout).toMatch(/^# pass 3$/m)
    expect(stdout).toMatch(/^# fail 0$/m)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
