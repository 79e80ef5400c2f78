import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectRoot } from '../../scripts/files.ts'

export interface OtherNode {
  readonly program: string
  readonly version: string
}

/** Every Node.js of another version than this one: on the PATH and among those that the set-up has fetched. */
export function otherNodes(): readonly OtherNode[] {
  const toolchain = join(projectRoot, '.toolchain')
  const fetched = existsSync(toolchain) ? readdirSync(toolchain).map((name) => join(toolchain, name, 'bin')) : []
  const found = new Map<string, OtherNode>()
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...fetched]) {
    const program = join(folder, 'node')
    if (folder === '' || !existsSync(program)) continue
    const asked = ['-p', 'process.version + " " + typeof require("crypto").hash']
    const [version = '', hash] = execFileSync(program, asked, { encoding: 'utf8' }).trim().split(' ')
    // Before 20.12 there is nothing to hash with.
    if (version !== process.version && hash === 'function') found.set(realpathSync(program), { program, version })
  }
  return [...found.values()]
}

/** Has another Node.js come to the hashes of all samples, from the same sources with their types taken out. */
export function hashesOf({ program }: OtherNode): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-plan-hashes-'))
  try {
    const entry = 'test/plan-hashes/samples.ts'
    for (const path of reachedFrom(entry)) {
      const text = stripTypeScriptTypes(readFileSync(join(projectRoot, path), 'utf8'))
      const file = join(folder, path.replace(/\.ts$/, '.mjs'))
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text.replaceAll(importOfTypeScript, "$1.mjs'"))
    }
    const address = pathToFileURL(join(folder, entry.replace(/\.ts$/, '.mjs'))).href
    const script = `import(${JSON.stringify(address)}).then(({ hashes }) => console.log(JSON.stringify(hashes())))`
    return JSON.parse(execFileSync(program, ['--eval', script], { encoding: 'utf8' }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const importOfTypeScript = /(from '\.[^']*)\.ts'/g

/** A file and all that it imports when its types are gone. */
function reachedFrom(entry: string): ReadonlySet<string> {
  const paths = new Set([entry])
  for (const path of paths) {
    const text = stripTypeScriptTypes(readFileSync(join(projectRoot, path), 'utf8'))
    for (const [, name = ''] of text.matchAll(/from '(\.[^']*\.ts)'/g)) {
      paths.add(posix.join(posix.dirname(path), name))
    }
  }
  return paths
}
