/** Splits a source text into code, comments and strings, so that a rule looks only where its words would matter. */
export interface SourceText {
  /** Comments and the contents of plain strings blanked; lines stay where they were. Templates are kept: they hold code. */
  code: string
  /** Everything but comments blanked. */
  comments: string
  /** The contents of quoted strings and of templates without code, in order. */
  strings: string[]
}

const token =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=(?:[=(,:[!&|?{};\n]|return|=>)[ \t]*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g

export function sourceText(text: string): SourceText {
  const strings: string[] = []
  let code = ''
  let comments = ''
  let at = 0
  for (const { 0: found, index } of text.matchAll(token)) {
    const between = text.slice(at, index)
    code += between
    comments += blank(between)
    const isComment = found.startsWith('//') || found.startsWith('/*')
    const isQuoted = found.startsWith("'") || found.startsWith('"')
    const isTemplate = found.startsWith('`')
    if (isQuoted || (isTemplate && !found.includes('$'))) strings.push(found.slice(1, -1))
    code += isQuoted ? `${found[0]}${blank(found.slice(1, -1))}${found[0]}` : isTemplate ? found : blank(found)
    comments += isComment ? found : blank(found)
    at = index + found.length
  }
  return { code: code + text.slice(at), comments: comments + blank(text.slice(at)), strings }
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}
