import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['test/teeth/*.mutants.ts'], fileParallelism: false, pool: 'threads', testTimeout: 20_000 },
})
