/** Writes every generated file anew. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { projectRoot } from './files.ts'
import { generators } from './generated.ts'

for (const { path, render } of generators) {
  const file = join(projectRoot, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, await render())
  console.log(path)
}
