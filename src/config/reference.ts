import { type Variable, variables } from './variables.ts'

const all: readonly Variable<unknown>[] = Object.values(variables)

/** The reference page of the environment, in Markdown. */
export function configReference(): string {
  const rows = all.map(({ name, shown, aliases = [], doc, secret }) => {
    const fallback = shown === '' ? '–' : shown
    return `| \`${name}\` | ${fallback} | ${doc}${secret === true ? ' Secret.' : ''} | ${aliases.map((alias) => `\`${alias}\``).join(' ')} |`
  })
  return [
    '# Environment',
    '',
    'An empty variable counts as unset. An alias is read where the first name is not set.',
    '',
    'A lease must be at least three heartbeats long. Work of a lost worker is claimed again within lease + sweep + poll.',
    '',
    '| Variable | Default | Meaning | Aliases |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** The content of `.env.example`: every variable with its default, commented out. */
export function envExample(): string {
  const blocks = all.map(({ name, doc, shown, aliases = [] }) => {
    const also = aliases.length > 0 ? ` Also read as ${aliases.join(', ')}.` : ''
    const [value = ''] = shown.split(/[ ,]/)
    return `# ${doc}${also}\n# ${name}=${value}\n`
  })
  return `# Copy to .env and uncomment what you change.\n\n${blocks.join('\n')}`
}
