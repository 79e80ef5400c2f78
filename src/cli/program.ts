import { Argument, Option, type Command as Verb } from 'commander'
import type { Command } from '../commands/command.ts'
import { type Field, fieldsOf, fromText } from '../commands/fields.ts'
import { commands } from '../commands/table.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { parseDuration } from '../time/duration.ts'
import { downloadArtifact } from './artifact.ts'
import { callCommand } from './call.ts'
import { fileInput, jsonInput, pairsToInput, readAsJson, usage } from './inputs.ts'
import { type LogFlags, printLogs } from './logs.ts'
import { printJson, printRefusal } from './output.ts'
import { runBulk } from './run-bulk.ts'
import { type CliContext, runOnce, runOnEach } from './run-command.ts'
import { ranImmediately, waitForEnd, watchExecution } from './watch.ts'

export type Flags = Readonly<Record<string, unknown>>
type Handler = (flags: Flags, positionals: readonly unknown[], context: CliContext) => Promise<number>

/** Makes the context of a call from the flags before it; what it returns ends as the exit code. */
export type WithContext = (flags: Flags, call: (context: CliContext) => Promise<number>) => Promise<void>

/** Adds a verb for each command of the table. */
export function addCommands(program: Verb, run: WithContext): void {
  for (const command of commands) {
    if (command.cli === undefined) continue
    const verb = addVerb(program, command)
    const fields = fieldsOf(command.input)
    const positionals = (command.cli.positionals ?? []).map((name) => name.replace('…', ''))
    for (const name of command.cli.positionals ?? []) verb.addArgument(argumentOf(name, command, fields))
    for (const field of fields) {
      if (field.name === 'input') declareInput(verb)
      else if (!positionals.includes(field.name) && !command.cli.omit?.includes(field.name))
        verb.addOption(optionOf(field, command))
    }
    const special = specials[command.name]
    special?.declare?.(verb)
    if (command.cli.bulk) verb.option('--query <query>', 'act on all executions that the query finds now')
    const handle: Handler =
      special?.handle?.(command) ??
      ((flags, given, context) => runUsual(command, { fields, flags, given, positionals }, context))
    verb.action((...parameters: unknown[]) => {
      const given = parameters.slice(0, positionals.length)
      const flags = verb.optsWithGlobals() as Flags
      return run(flags, (context) => handle(flags, given, context))
    })
  }
  addWatch(program, run)
}

function addVerb(program: Verb, { cli, summary }: Command): Verb {
  const words = (cli?.words ?? '').split(' ')
  const name = words.pop() ?? ''
  let parent = program
  for (const word of words) {
    const found = parent.commands.find((each) => each.name() === word)
    parent = found ?? parent.command(word).showHelpAfterError(`See what there is with: pawl ${word} --help`)
    for (const alias of cli?.aliases ?? []) {
      const [first = ''] = alias.split(' ')
      if (alias.includes(' ') && first !== word && !parent.aliases().includes(first)) parent.alias(first)
    }
    // A group says what stands below it, whatever is added there later.
    const below = [...parent.commands.map((each) => each.name()), name].join(', ')
    parent.description(below)
  }
  const verb = parent
    .command(name)
    .summary(summary)
    .description(summary)
    .showHelpAfterError(`See what it takes with: pawl ${cli?.words} --help`)
  for (const alias of cli?.aliases ?? []) {
    const last = alias.split(' ').at(-1) ?? ''
    if (last !== name) verb.alias(last)
  }
  if (cli?.examples) verb.addHelpText('after', `\nExamples:\n${cli.examples.map((line) => `  ${line}`).join('\n')}`)
  return verb
}

function argumentOf(name: string, command: Command, fields: readonly Field[]): Argument {
  const plainName = name.replace('…', '')
  const field = fields.find((each) => each.name === plainName)
  const text = field?.description ?? ''
  if (name.endsWith('…')) return new Argument(`[${plainName}s...]`, text)
  if (plainName === 'query') return new Argument('[query...]', text)
  return new Argument(field?.required || command.name === 'submit' ? `<${plainName}>` : `[${plainName}]`, text)
}

function optionOf({ name, type, required, description, values }: Field, command: Command): Option {
  const flag = `--${kebab(name)}`
  const option = new Option(type === 'boolean' ? flag : `${flag} <${type === 'json' ? 'value' : type}>`, description)
  if (values !== null) option.choices(values)
  if (required && command.name !== 'submit') option.makeOptionMandatory()
  return option
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

interface Given {
  readonly fields: readonly Field[]
  readonly flags: Flags
  readonly given: readonly unknown[]
  readonly positionals: readonly string[]
}

function runUsual(
  command: Command,
  { fields, flags, given, positionals }: Given,
  context: CliContext,
): Promise<number> {
  const input = inputFrom(fields, flags, command.cli?.omit)
  if (command.cli?.bulk) {
    const { id: _, ...rest } = input
    const ids = (given[0] as string[] | undefined) ?? []
    const query = flags.query as string | undefined
    if (ids.length > 0 === (query !== undefined)) throw usage('Give ids, or --query, and not both.')
    return query === undefined
      ? runOnEach(command, { ids, input: rest }, context)
      : runBulk(command, { query, input: rest }, context)
  }
  for (const [index, name] of positionals.entries()) {
    const value = given[index]
    const text = Array.isArray(value) ? value.join(' ') : (value as string | undefined)
    if (text !== undefined && text !== '')
      input[name] = fromText(text, fields.find((field) => field.name === name)?.type ?? 'string')
  }
  if (command.name === 'ops' && flags.watch === true) return watchOps(command, context)
  return runOnce(command, input, context)
}

function inputFrom(fields: readonly Field[], flags: Flags, omit: readonly string[] = []): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const { name, type } of fields) {
    const value = flags[name]
    if (value === undefined || omit.includes(name)) continue
    // A value that reads like a number is one where text would do as well: a delay of 5000 milliseconds.
    input[name] =
      typeof value === 'string'
        ? type === 'json' && /^\d+$/.test(value)
          ? Number(value)
          : fromText(value, type)
        : value
  }
  return input
}

const opsEveryMs = 2_000

async function watchOps(command: Command, context: CliContext): Promise<number> {
  for (;;) {
    const exit = await runOnce(command, {}, context)
    if (exit !== 0 || context.signal.aborted) return exit
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, opsEveryMs)
      context.signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer)
          resolve()
        },
        { once: true },
      )
    })
  }
}

interface Special {
  declare?(verb: Verb): void
  handle?(command: Command): Handler
}

const verdicts = ['happened', 'not-happened', 'accept-unknown'] as const
const camel = (name: string): string => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Verbs whose flags are more than the fields of their command. */
const specials: Readonly<Record<string, Special>> = {
  submit: {
    declare: (verb) => {
      verb
        .option('--immediate', 'run before all background work and wait for the end, ten seconds at most')
        .option('--wait', 'wait for the end: exit 0 if it succeeded, 7 if not')
        .option('--timeout <duration>', 'with --wait: exit 8 after this long')
    },
    handle: (command) => (flags, given, context) => submit(command, flags, given, context),
  },
  approve: {
    declare: (verb) =>
      void verb.requiredOption('--plan <hash>', 'hash of the plan that was read; any other is refused'),
    handle: (command) => (flags, given, context) => {
      const input = inputFrom(fieldsOf(command.input), flags, command.cli?.omit)
      return runOnce(command, { ...input, id: given[0], planHash: flags.plan }, context)
    },
  },
  artifact: {
    declare: (verb) => void verb.option('-o, --output <file>', 'where to write it; standard output by default'),
    handle: () => (flags, given, context) =>
      downloadArtifact(String(given[0]), String(given[1]), flags.output as string | undefined, context),
  },
  logs: {
    declare: (verb) => void verb.option('-f, --follow', 'go on until the execution has ended'),
    handle: (command) => (flags, given, context) => {
      const input = inputFrom(fieldsOf(command.input), flags) as Omit<LogFlags, 'follow'>
      return printLogs(String(given[0]), { ...input, follow: flags.follow === true }, context)
    },
  },
  'schedule create': {
    handle: (command) => (flags, given, context) => {
      const [name, action] = given
      const fields = fieldsOf(command.input).filter((field) => field.name !== 'input')
      return runOnce(command, { ...inputFrom(fields, flags), name, action, input: inputOf(flags) }, context)
    },
  },
  signal: {
    declare: (verb) => {
      verb
        .option('-i, --set <name=value...>', 'a field of the payload; JSON literals are read as such')
        .option('-f, --file <file>', 'the payload as a JSON file, `-` for standard input')
    },
    handle: (command) => (flags, given, context) => {
      const [id, name] = given
      const payload = flags.file === undefined && flags.set === undefined ? {} : { payload: inputOf(flags) }
      return runOnce(command, { id, name, dedupe: flags.dedupe, ...payload }, context)
    },
  },
  'policy set': {
    declare: (verb) => void verb.requiredOption(...documentFlag),
    handle: (command) => withDocument(command),
  },
  'policy simulate': {
    declare: (verb) => void verb.requiredOption(...documentFlag),
    handle: (command) => withDocument(command),
  },
  ops: { declare: (verb) => void verb.option('--watch', 'look again every two seconds') },
  'effect resolve': {
    declare: (verb) => {
      for (const verdict of verdicts) verb.option(`--${verdict}`)
      verb.option('--value <json>', 'what the effect would have returned')
    },
    handle: (command) => (flags, given, context) => {
      const chosen = verdicts.filter((verdict) => flags[camel(verdict)] === true)
      if (chosen.length !== 1) throw usage(`Give one of ${verdicts.map((verdict) => `--${verdict}`).join(', ')}.`)
      const value = flags.value === undefined ? {} : { value: pairsToInput([`value=${flags.value as string}`]).value }
      return runOnce(command, { effectKey: given[0], verdict: chosen[0], reason: flags.reason, ...value }, context)
    },
  },
}

const documentFlag = ['-f, --file <file>', 'the document as a JSON file, `-` for standard input'] as const

const withDocument =
  (command: Command): Handler =>
  (flags, _, context) => {
    const input = inputFrom(fieldsOf(command.input), flags, command.cli?.omit)
    return runOnce(command, { ...input, document: fileInput(String(flags.file)) }, context)
  }

/** The input of an execution, in as many ways as people have it at hand. */
function declareInput(verb: Verb): void {
  verb
    .option(
      '-i, --set <name=value...>',
      'a field of the input; 7, true, null, "7", […] and {…} are JSON, everything else is text',
    )
    .option('-f, --file <file>', 'the input as a JSON file')
    .option('--input <json>', 'the input as JSON')
    .option('--stdin', 'read the input from standard input; `-` alone is the same')
}

/** What -i, -f, --input and `-` say. */
function inputOf(flags: Flags): unknown {
  const pairs = (flags.set as string[] | undefined) ?? []
  const file = flags.file as string | undefined
  const dash = flags.stdin === true ? '-' : undefined
  const text = flags.input as string | undefined
  if ([file, dash, text].filter((each) => each !== undefined).length > 1) throw usage('Give the input once.')
  const base =
    file !== undefined || dash !== undefined
      ? fileInput(file ?? dash ?? '-')
      : text !== undefined
        ? jsonInput(text)
        : {}
  if (pairs.length > 0 && (typeof base !== 'object' || base === null || Array.isArray(base)))
    throw usage('-i needs an object to add to.')
  return pairs.length === 0 ? base : { ...(base as object), ...pairsToInput(pairs) }
}

async function submit(command: Command, flags: Flags, given: readonly unknown[], context: CliContext): Promise<number> {
  const { terminal, json } = context
  const input = inputOf(flags)
  const fields = fieldsOf(command.input).filter(({ name }) => name !== 'input' && name !== 'action')
  const mode = flags.immediate === true ? { mode: 'immediate' } : {}
  const request = { ...inputFrom(fields, flags, command.cli?.omit), ...mode, action: given[0], input }
  const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout as string)
  if (isRefusal(timeoutMs)) return printRefusal(terminal, timeoutMs, json)
  const answer = await callCommand(context.client(), command, request, context.signal)
  if (isRefusal(answer)) return printRefusal(terminal, withReading(answer, flags), json)
  const execution = answer.body as { id: string; state: string }
  const replayed = answer.headers.get('idempotent-replayed') === 'true'
  if (replayed) terminal.err('The idempotency key was known: this is the first execution.')
  if (flags.immediate === true && (flags.wait !== true || answer.status === 200)) return ranImmediately(answer, context)
  if (flags.wait === true) return waitForEnd(execution.id, timeoutMs, context)
  if (json) printJson(terminal, { ...execution, replayed })
  else {
    terminal.out(execution.id)
    terminal.err(`${execution.state}. Follow it with: pawl watch ${execution.id}`)
  }
  return 0
}

/** An input that does not fit may have been meant as text. */
function withReading(refusal: Refusal, { set = [] }: Flags): Refusal {
  const reading = refusal.code === 'invalid_input' ? readAsJson(set as string[]) : null
  return reading === null ? refusal : { ...refusal, next: `${refusal.next} ${reading}` }
}

function addWatch(program: Verb, run: WithContext): void {
  const verb = program
    .command('watch <id>')
    .summary('Print the events of an execution as they come, until it ends.')
    .option('--after <sequence>', 'only events with a greater sequence', Number)
  verb.action((id: string) => {
    const flags = verb.optsWithGlobals() as Flags
    return run(flags, (context) =>
      watchExecution(id, flags.after === undefined ? {} : { after: Number(flags.after) }, context),
    )
  })
}
