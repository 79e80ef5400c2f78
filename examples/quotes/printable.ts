import { ValidationError } from '../../src/errors/failures.ts'
import type { Quote } from './quote.ts'

// The standard PDF fonts know Windows-1252 and nothing else. Drawing any other character would print a wrong one.
const beyondLatin1 = new Set('€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ')

// Letters without a canonical decomposition whose plain form every reader of Latin script accepts, and typographic spaces.
const plainForms: Readonly<Record<string, string>> = {
  Ł: 'L',
  ł: 'l',
  Đ: 'D',
  đ: 'd',
  Ħ: 'H',
  ħ: 'h',
  ı: 'i',
  ẞ: 'SS',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u2010': '-',
  '\u2011': '-',
  '\u2212': '-',
}

/**
 * Text as the standard PDF fonts can draw it: Windows-1252 stays as it is, other Latin letters lose their diacritics.
 *
 * @throws ValidationError naming the field and the character when there is no such form (Greek, Cyrillic, Han, emoji …):
 * a quote with a question mark instead of a name must never be rendered.
 */
export function printable(text: string, field: string): string {
  let out = ''
  for (const character of text.normalize('NFC')) {
    const drawn = drawable(character)
    if (drawn === undefined) {
      const codePoint = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
      throw new ValidationError(
        `${field}: the character "${character}" (U+${codePoint}) cannot be printed; write it in Latin letters`,
      )
    }
    out += drawn
  }
  return out
}

/** The first thing in a quote that cannot be printed, with its field, or undefined. */
export function unprintable(quote: Quote): { path: (string | number)[]; message: string } | undefined {
  for (const { path, text } of printedTexts(quote)) {
    try {
      printable(text, path.join('.'))
    } catch (error) {
      if (error instanceof ValidationError) return { path, message: error.message }
      throw error
    }
  }
  return undefined
}

function printedTexts(quote: Quote): { path: (string | number)[]; text: string }[] {
  return [
    { path: ['customer', 'name'], text: quote.customer.name },
    ...quote.customer.addressLines.map((text, index) => ({ path: ['customer', 'addressLines', index], text })),
    ...quote.lines.flatMap((line, index) => [
      { path: ['lines', index, 'sku'], text: line.sku },
      { path: ['lines', index, 'description'], text: line.description },
    ]),
    ...(quote.notes === undefined ? [] : [{ path: ['notes'], text: quote.notes }]),
  ]
}

function drawable(character: string): string | undefined {
  if (isDrawn(character)) return character
  const plain = plainForms[character] ?? character.normalize('NFD').replace(/\p{M}/gu, '')
  return plain !== '' && [...plain].every(isDrawn) ? plain : undefined
}

function isDrawn(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  const isLatin1 = (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xff && code !== 0xad)
  return character === '\n' || isLatin1 || beyondLatin1.has(character)
}
