/** docs/reference/commands.md: every command with its permission, its route and its verb. */
import { type Command, commonRefusals } from '../../src/commands/command.ts'
import { fieldsOf } from '../../src/commands/fields.ts'
import { may, roles } from '../../src/commands/permissions.ts'
import { commands } from '../../src/commands/table.ts'
import { generatedFrom, table } from './table.ts'

export function commandsPage(): string {
  return `${generatedFrom('src/commands/table.ts')}

# Commands

One table makes the HTTP routes, the verbs of the command line, [openapi.json](openapi.json) and this page. Every route
needs a token (\`Authorization: Bearer …\`); errors are problem documents (RFC 9457) with a \`code\` of
[codes.md](codes.md). Any command can be refused with ${commonRefusals.map((code) => `\`${code}\``).join(', ')}.

${table(
  ['command', 'what it does', 'HTTP', 'permission'],
  commands.map(({ name, summary, http, permission }) => [
    `[${name}](#${name.replaceAll(' ', '-')})`,
    summary,
    `\`${http.method} ${http.path}\``,
    `\`${permission}\``,
  ]),
)}

Besides, the command line has \`pawl up\`, \`pawl serve\`, \`pawl worker\`, \`pawl dev\` and \`pawl watch <id>\`; the server
answers \`GET /healthz\`, \`GET /readyz\` and \`GET /openapi.json\` without a token, and carries the worker protocol below
\`POST /v1/worker/\`.

## Roles

\`own\` reaches what the principal has asked for itself; what is not listed is denied.

${table(
  ['permission', ...roles],
  [...new Set([...commands.map(({ permission }) => permission), 'worker.protocol'])].map((permission) => [
    `\`${permission}\``,
    ...roles.map((role) => ({ any: 'yes', own: 'own', none: '' })[may(role, permission)]),
  ]),
)}

${commands.map(section).join('\n\n')}
`
}

function section(command: Command): string {
  const { name, summary, http, cli, refusals } = command
  const headers = Object.entries(http.headers ?? {}).map(([field, header]) => `\`${header}\` sets \`${field}\``)
  const fields = fieldsOf(command.input)
  return [
    `## ${name}`,
    summary,
    `\`${http.method} ${http.path}\`${headers.length > 0 ? `; header ${headers.join(', ')}` : ''}`,
    ...(fields.length > 0
      ? [
          table(
            ['field', 'type', 'meaning'],
            fields.map(({ name: field, type, required, description, values }) => [
              `\`${field}\`${required ? ' (required)' : ''}`,
              values === null ? type : values.map((value) => `\`${value}\``).join(', '),
              description,
            ]),
          ),
        ]
      : []),
    ...(cli === undefined
      ? []
      : [`Command line: ${[cli.words, ...(cli.aliases ?? [])].map((words) => `\`pawl ${words}\``).join(' or ')}`]),
    ...(cli?.examples === undefined ? [] : [`\`\`\`sh\n${cli.examples.join('\n')}\n\`\`\``]),
    ...(refusals.length > 0 ? [`Refusals: ${refusals.map((code) => `\`${code}\``).join(', ')}`] : []),
  ].join('\n\n')
}
