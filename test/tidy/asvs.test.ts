import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { projectRoot } from '../../scripts/files.ts'

const page = 'docs/reference/asvs.md'
const required =
  '2.3.1 2.3.3 2.3.4 2.3.5 8.2.1 8.2.2 8.2.3 8.3.2 8.3.3 8.4.1 8.4.2 15.1.2 15.2.4 15.3.2 15.3.3 15.3.6 15.4.2 15.4.3 16.2.5 16.3.2 16.4.1 16.4.2 16.4.3 16.5.3 16.5.4'.split(
    ' ',
  )

const rows = readFileSync(join(projectRoot, page), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))

test('every item of ASVS that binds the product has one row, in order', () => {
  expect(rows.map(([item]) => item)).toEqual(required)
})

test.each(rows.map(([item = '', , answer = '', shown = '']) => ({ item, answer, shown })))(
  '$item names tests that exist, or is said to be open',
  ({ answer, shown }) => {
    expect(shown === 'open').toBe(answer.startsWith('open: '))
    const links = [...shown.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, title = '', path = '']) => ({ title, path }))
    if (shown !== 'open') expect(links.length).toBeGreaterThan(0)
    for (const { title, path } of links) {
      const file = join(projectRoot, dirname(page), path)
      expect([path, existsSync(file)]).toEqual([path, true])
      expect([title, readFileSync(file, 'utf8').includes(title)]).toEqual([title, true])
    }
  },
)
