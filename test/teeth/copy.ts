import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyEdit, type Edit } from './breakage.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const copied = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']
/** A machine that does much else must not make a run look as if it had found nothing. */
const runMsMax = 300_000

export interface RunEnd {
  readonly code: number | null
  readonly output: string
}

/** A copy of the checkout that may be broken. The packages are those of the checkout itself. */
export class Copy {
  readonly #path = mkdtempSync(join(tmpdir(), 'pawl-teeth-'))

  constructor() {
    for (const name of copied) cpSync(join(root, name), join(this.#path, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(this.#path, 'node_modules'))
  }

  /** Applies the edits; the function that is returned takes them back. */
  break(edits: readonly Edit[]): () => void {
    const before = new Map<string, string>()
    for (const edit of edits) {
      const path = join(this.#path, edit.file)
      const text = readFileSync(path, 'utf8')
      if (!before.has(path)) before.set(path, text)
      writeFileSync(path, applyEdit(text, edit))
    }
    return () => {
      for (const [path, text] of before) writeFileSync(path, text)
    }
  }

  run(args: readonly string[], env: NodeJS.ProcessEnv = {}, timeout = runMsMax): Promise<RunEnd> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [...args], {
        cwd: this.#path,
        env: { ...process.env, ...env, NO_COLOR: '1', FORCE_COLOR: '0' },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout,
      })
      let output = ''
      const take = (chunk: Buffer): void => {
        output += chunk.toString()
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      child.on('close', (code) => resolve({ code, output }))
    })
  }

  read(file: string): string {
    return readFileSync(join(this.#path, file), 'utf8')
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true })
  }
}
