/** Compiles the sources to dist/ and puts beside them what the compiler does not know of. */
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
rmSync(join(root, 'dist'), { recursive: true, force: true })
const compiler = spawnSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (compiler.status !== 0) process.exit(compiler.status ?? 1)
for (const migrations of ['store/sqlite/migrations', 'store/postgres/migrations']) {
  cpSync(join(root, 'src', migrations), join(root, 'dist', migrations), { recursive: true })
}
