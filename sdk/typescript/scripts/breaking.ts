/**
 * Refuses changes of the API that break its clients. `bins/oms-api/openapi-baseline.txt` has the facts on which clients of
 * the last released version may rely, one on a line. Without `--record`, compares them with the API document; with it,
 * writes them, which is done at each release.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

interface Content {
  content?: Record<string, { schema?: Schema }>;
  required?: boolean;
  $ref?: string;
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema; $ref?: string }[];
  requestBody?: Content;
  responses: Record<string, Content>;
  security?: Record<string, string[]>[];
}

export interface Document {
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  webhooks?: Record<string, Record<string, Operation>>;
  components?: Record<string, Record<string, unknown>>;
}

/** Requests are what clients send, answers what they read. */
type Direction = 'request' | 'answer';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** All facts, sorted. Each is a subject, a tab, a verb, a tab, and an object. */
export function factsOf(document: Document): string[] {
  const facts = new Set<string>();
  const seen = new Set<string>();
  const state = (subject: string, verb: string, object = '') => facts.add(`${subject}\t${verb}\t${object}`);
  const resolve = <T extends { $ref?: string }>(it: T): T => {
    const [kind = '', name = ''] = it.$ref?.split('/').slice(2) ?? [];
    return it.$ref === undefined ? it : (document.components?.[kind]?.[name] as T);
  };

  function walk(schema: Schema, subject: string, direction: Direction): void {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.split('/').at(-1) ?? '';
      const named = `${direction} ${name}`;
      state(subject, 'is', name);
      if (seen.has(named)) return;
      seen.add(named);
      return walk(resolve(schema), named, direction);
    }
    for (const part of [...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])]) walk(part, subject, direction);
    for (const type of [schema.type ?? []].flat()) state(subject, 'is', type);
    // Answers may get further values: clients are inWords to expect them.
    const values = schema.const === undefined ? (schema.enum ?? []) : [schema.const];
    if (direction === 'request') for (const value of values) state(subject, 'may be', JSON.stringify(value));
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      state(subject, 'has', name);
      walk(member, `${subject}.${name}`, direction);
    }
    for (const name of schema.required ?? []) state(subject, direction === 'request' ? 'requires' : 'always has', name);
    if (schema.items !== undefined) walk(schema.items, `${subject}[]`, direction);
    if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties, `${subject}{}`, direction);
  }

  function walkContent(content: Content, subject: string, direction: Direction): void {
    for (const [type, { schema }] of Object.entries(resolve(content).content ?? {})) {
      state(subject, 'has', type);
      if (schema !== undefined) walk(schema, `${subject} ${type}`, direction);
    }
  }

  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation === undefined) continue;
      const subject = `${method.toUpperCase()} ${path}`;
      state(subject, 'exists');
      for (const it of (operation.parameters ?? []).map(resolve)) {
        state(subject, 'has', it.name);
        if (it.required === true) state(subject, 'requires', it.name);
        if (it.schema !== undefined) walk(it.schema, `${subject} ${it.name}`, 'request');
      }
      for (const scope of new Set((operation.security ?? []).flatMap((it) => Object.values(it).flat()))) state(subject, 'requires', scope);
      if (operation.requestBody !== undefined) {
        if (operation.requestBody.required === true) state(subject, 'requires', 'a body');
        walkContent(operation.requestBody, `${subject} body`, 'request');
      }
      for (const [status, content] of Object.entries(operation.responses)) {
        if (!status.startsWith('2')) continue;
        state(subject, 'answers', status);
        walkContent(content, `${subject} ${status}`, 'answer');
      }
    }
  }
  for (const [name, item] of Object.entries(document.webhooks ?? {})) {
    state(`event ${name}`, 'exists');
    const body = item['post']?.requestBody;
    if (body !== undefined) walkContent(body, `event ${name}`, 'answer');
  }
  return [...facts].sort();
}

/** The changes from one version's facts to another's that break clients, in words. */
export function breaksOf(before: readonly string[], after: readonly string[]): string[] {
  const was = new Set(before);
  const is = new Set(after);
  const subjects = new Set(before.map((fact) => fact.split('\t')[0]));
  const isAnswer = (subject: string) => /^(answer|event) | 2\d\d /.test(`${subject} `);
  const inWords = (fact: string) => fact.replaceAll('\t', ' ').trim();
  const gone = before.filter((fact) => {
    const [subject = '', verb] = fact.split('\t');
    if (is.has(fact) || verb === 'requires') return false;
    // An answer may be more exact than before.
    return !(verb === 'is' && isAnswer(subject) && after.some((it) => it.startsWith(`${subject}\tis\t`)));
  });
  const added = after.filter((fact) => {
    const [subject = '', verb] = fact.split('\t');
    if (was.has(fact) || !subjects.has(subject)) return false;
    return verb === 'requires' || (verb === 'is' && isAnswer(subject) && before.some((it) => it.startsWith(`${subject}\tis\t`)));
  });
  return [...gone.map((fact) => `no longer: ${inWords(fact)}`), ...added.map((fact) => `new: ${inWords(fact)}`)].sort();
}

/** Whether a version may break the clients of another: its major number is higher, or before 1.0 its minor number. */
export function mayBreak(before: string, after: string): boolean {
  const [major = 0, minor = 0] = before.split('.').map(Number);
  const [newMajor = 0, newMinor = 0] = after.split('.').map(Number);
  return newMajor > major || (newMajor === 0 && major === 0 && newMinor > minor);
}

const folder = join(import.meta.dirname, '../../../bins/oms-api');
const baseline = join(folder, 'openapi-baseline.txt');

function run(): void {
  const document = JSON.parse(readFileSync(join(folder, 'openapi.json'), 'utf8')) as Document;
  const { version } = document.info;
  const facts = factsOf(document);
  if (process.argv.includes('--record')) {
    writeFileSync(baseline, `${version}\n${facts.join('\n')}\n`);
    return;
  }
  const [released = '', ...before] = readFileSync(baseline, 'utf8').trimEnd().split('\n');
  const breaks = breaksOf(before, facts);
  if (breaks.length === 0 || mayBreak(released, version)) return;
  console.error(`bins/oms-api/openapi.json breaks clients of ${released}:\n  ${breaks.join('\n  ')}`);
  console.error('Keep it compatible, or raise the version (1.2.3 to 2.0.0, 0.1.2 to 0.2.0) and describe the change in CHANGELOG.md.');
  console.error('While nothing is released: npm run record-api, after you have described it.');
  process.exitCode = 1;
}

if (import.meta.filename === process.argv[1]) run();
