import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    allowOnly: false,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          // A machine that does much else must not fail what only computes.
          testTimeout: 30_000,
          include: [
            'src/**/*.test.ts',
            'test/fast/**/*.test.ts',
            'test/tidy/**/*.test.ts',
            'test/requirements/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: ['test/slow/**/*.test.ts', 'test/readme/**/*.test.ts', 'examples/**/*.test.ts'],
          // Real processes, sockets and files: they share the machine, so one file runs at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          // Each file starts a Redis of its own.
          include: ['test/redis/**/*.test.ts'],
          expect: { poll: { timeout: 20_000 } },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // The oldest PostgreSQL that is served (the system's) and the newest (npm's): the same tests on both.
      ...['postgres', 'postgres18'].map((name) => ({
        extends: true as const,
        test: {
          name,
          include: ['test/postgres/**/*.test.ts'],
          globalSetup: ['test/postgres/setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      })),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: [
        'src/**/*.test.ts',
        // Entries of child processes and threads: the slow tests run them, but V8 counts only the process of vitest.
        'src/cli/**',
        'src/sqlite-writer.ts',
        'src/protocol/heart-thread.ts',
        'src/store/contract/**',
      ],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
})
