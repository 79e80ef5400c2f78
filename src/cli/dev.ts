import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Terminal } from './output.ts'
import type { Flags } from './program.ts'
import { serve } from './serve.ts'

/** A server on a database that is thrown away at the end, to try actions with. */
export async function dev(flags: Flags, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const folder = typeof flags.data === 'string' ? undefined : mkdtempSync(join(tmpdir(), 'pawl-dev-'))
  terminal.err(
    folder === undefined ? 'For development only.' : `For development only: ${folder} is deleted at the end.`,
  )
  try {
    const data = folder ?? flags.data
    if (folder !== undefined) terminal.err(`Other terminals find this server with: --data ${folder}`)
    return await serve({ ...flags, data }, terminal, stop)
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}
