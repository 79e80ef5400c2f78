import type { TestProject } from 'vitest/node'
import { startThrowaway } from './throwaway.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the server that all files of the project share. Nothing on it outlives the run, so it need not sync. */
    postgres: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startThrowaway(['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off'])
  project.provide('postgres', server.url)
  return () => server.remove()
}
