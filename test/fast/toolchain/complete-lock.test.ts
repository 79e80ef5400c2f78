import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { completeLock, type Lock } from '../../../scripts/complete-lock.ts'
import { projectRoot } from '../../../scripts/files.ts'

describe('the completed lock', () => {
  const lock: Lock = {
    packages: {
      '': {},
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: {
          '@tool/linux-x64-musl': '1.0.0',
          '@tool/darwin-arm64': '1.0.0',
          '@tool/win32-x64': '^1.0.0',
          'better-tool': '1.0.0',
        },
      },
      'node_modules/@tool/darwin-arm64': { version: '1.0.0', optional: true, os: ['darwin'] },
    },
  }

  test('a missing platform package is added with its platform; a range or a plain name is not', () => {
    const completed = completeLock(lock)
    expect(completed.added).toEqual(['@tool/linux-x64-musl'])
    expect(completed.lock.packages['node_modules/@tool/linux-x64-musl']).toEqual({
      version: '1.0.0',
      dev: true,
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
      libc: ['musl'],
    })
  })

  test('a completed lock stays as it is', () => {
    const completed = completeLock(lock).lock
    expect(completeLock(completed)).toEqual({ lock: completed, added: [] })
  })

  test('the lock of this project is complete', () => {
    const own = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as Lock
    expect(completeLock(own).added).toEqual([])
  })
})
