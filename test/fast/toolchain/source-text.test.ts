import { describe, expect, test } from 'vitest'
import { sourceText } from '../../../scripts/source-text.ts'

describe('the parts of a source text', () => {
  test('comments, strings and code are told apart, and lines stay in place', () => {
    const { code, comments, strings } = sourceText("const a = 'one' // two\n/* three\n*/ const b = `four ${five}`\n")
    expect(code).toBe("const a = '   '       \n        \n   const b = `four ${five}`\n")
    expect(comments).toBe(`${' '.repeat(16)}// two\n/* three\n*/${' '.repeat(25)}\n`)
    expect(strings).toEqual(['one'])
  })

  test('a quote or slashes inside a regular expression begin nothing', () => {
    const { code, comments } = sourceText('const a = /[\'"]\\/\\/[/]/.test(b) // said\ncall(a)\n')
    expect(code).toContain('.test(b)')
    expect(code).toContain('call(a)')
    expect(comments.trim()).toBe('// said')
  })

  test('an address inside a string is no comment, and a division is no regular expression', () => {
    const { code, strings } = sourceText("const url = 'http://a/b'\nconst half = (a + b) / 2 / c\nconst d = 'e'\n")
    expect(strings).toEqual(['http://a/b', 'e'])
    expect(code).toContain('(a + b) / 2 / c')
  })
})
