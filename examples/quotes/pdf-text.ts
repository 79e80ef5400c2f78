import { inflateSync } from 'node:zlib'

// What WinAnsi puts at 0x80 to 0x9f; every other byte is the Unicode character of the same number.
const upper = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ'

/**
 * The text of a PDF that pdfkit wrote, one drawn line per line. It reads only what pdfkit writes (hex strings in WinAnsi)
 * and serves to check a rendered quote where no PDF tool is installed.
 */
export function pdfText(bytes: Uint8Array): string {
  const source = Buffer.from(bytes).toString('latin1')
  const lines: string[] = []
  for (const match of source.matchAll(/<<([^>]*(?:>(?!>)[^>]*)*)>>\s*stream\r?\n([\s\S]*?)\r?\nendstream/g)) {
    const content = match[1]?.includes('/FlateDecode')
      ? inflateSync(Buffer.from(match[2] ?? '', 'latin1')).toString('latin1')
      : match[2]
    for (const drawn of (content ?? '').matchAll(/\[([^\]]*)\] TJ/g)) {
      const hex = [...(drawn[1] ?? '').matchAll(/<([0-9a-fA-F]*)>/g)].map((part) => part[1]).join('')
      lines.push([...Buffer.from(hex, 'hex')].map(character).join(''))
    }
  }
  return lines.join('\n')
}

function character(byte: number): string {
  return byte >= 0x80 && byte <= 0x9f ? (upper[byte - 0x80] ?? '') : String.fromCharCode(byte)
}
