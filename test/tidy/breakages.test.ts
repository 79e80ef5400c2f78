import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { applyEdit } from '../teeth/breakage.ts'
import { allBreakages } from '../teeth/breakages.ts'

const root = new URL('../../', import.meta.url)

test('every deliberate breakage finds the text that it breaks, exactly once', () => {
  const lost = allBreakages.flatMap(({ name, edits }) => {
    const texts = new Map<string, string>()
    try {
      for (const edit of edits) {
        const text = texts.get(edit.file) ?? readFileSync(new URL(edit.file, root), 'utf8')
        texts.set(edit.file, applyEdit(text, edit))
      }
      return []
    } catch (error) {
      return [`${name}: ${String(error)}`]
    }
  })
  expect(lost).toEqual([])
})

test('no two deliberate breakages have the same name', () => {
  const names = allBreakages.map(({ name }) => name)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})
