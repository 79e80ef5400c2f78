import type { TestProject } from 'vitest/node'
import { findBinaries, unpackPostgres18 } from './binaries.ts'
import { startThrowaway } from './throwaway.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the server that all files of the project share. Nothing on it outlives the run, so it need not sync. */
    postgres: string
    /** Programs of that version, for tests that need a server to themselves. */
    postgresBinaries: string
    postgresVersion: string
  }
}

/** The same tests run on PostgreSQL of the system and on 18: the name of the project says on which. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const wants18 = project.name === 'postgres18'
  const unpacked = wants18 ? await unpackPostgres18() : null
  const binaries = unpacked?.folder ?? findBinaries()
  const server = await startThrowaway(
    ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off'],
    binaries,
  )
  project.provide('postgres', server.url)
  project.provide('postgresBinaries', binaries)
  project.provide('postgresVersion', server.version)
  return async () => {
    await server.remove()
    await unpacked?.remove()
  }
}
