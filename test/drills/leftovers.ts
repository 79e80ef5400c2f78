import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()

/** What a drill has made of processes and files; however it ends, none of it stays. */
export const leftovers = {
  processes: new Set<ChildProcess>(),

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'pawl-drill-'))
    folders.add(folder)
    return folder
  },

  discard(folder: string): void {
    rmSync(folder, { recursive: true, force: true })
    folders.delete(folder)
  },

  /** From now on, the end of this process is the end of everything it has made, frozen processes included. */
  clearAtExit(): void {
    process.on('exit', () => {
      for (const child of leftovers.processes) child.kill('SIGKILL')
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))
  },
}
