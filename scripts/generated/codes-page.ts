/** docs/reference/codes.md: every refusal, with what it means to HTTP, to the command line and to the reader. */
import { codes } from '../../src/errors/codes.ts'
import { generatedFrom, table } from './table.ts'

export function codesPage(): string {
  const rows = Object.entries(codes).map(([code, { http, exit, why, next }]) => [`\`${code}\``, http, exit, why, next])
  return `${generatedFrom('src/errors/codes.ts')}

# Codes

An expected "no" is a refusal: it has one of these codes, says why, and says what to do next. HTTP answers carry the
code in a problem document (RFC 9457); the command line ends with the exit code given here.

${table(['code', 'HTTP', 'exit', 'why', 'what to do next'], rows)}
`
}
