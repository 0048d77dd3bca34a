/**
 * Writes what is generated from the API document: `src/types.gen.ts`, by openapi-ts, and `src/operations.gen.ts`, with a
 * method for each operation. With `--check`, compares the files instead.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Parameter {
  name: string;
  in: string;
}

interface Operation {
  operationId: string;
  summary?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, unknown>; required?: boolean };
  responses: Record<string, unknown>;
}

/** Operations for browsers, monitoring and the gateway. */
const SKIPPED = new Set(['documentation', 'health', 'webhooks']);
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const root = join(import.meta.dirname, '..');
const specification = join(root, '../../bins/oms-api/openapi.json');

function operationsOf(document: { paths: Record<string, Record<string, Operation>> }): string {
  const groups = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      const tag = operation?.tags[0];
      if (operation === undefined || tag === undefined || SKIPPED.has(tag)) continue;
      groups.set(tag, [...(groups.get(tag) ?? []), methodOf(path, method, operation)]);
    }
  }
  const tags = [...groups.keys()].sort();
  const classes = tags.map(
    (tag) => `/** Operations of ${tag}. */\nexport class ${className(tag)} extends Resource {\n${groups.get(tag)?.join('\n')}}\n`,
  );
  const members = tags.map((tag) => `  readonly ${memberName(tag)}: ${className(tag)};\n`);
  const created = tags.map((tag) => `    this.${memberName(tag)} = new ${className(tag)}(http);\n`);
  return `// Written by scripts/generate.ts from bins/oms-api/openapi.json.
import type { Pages } from './pages.ts';
import type { CallOptions, Http, KeyOptions, Result, VersionOptions } from './request.ts';
import { type Answer, type Body, type Entry, type KeyedVersionOptions, type Query, type ReadOptions, Resource } from './resource.ts';
import type * as t from './types.gen.ts';

${classes.join('\n')}
/** All operations, by the tags of the API document. */
export class Api {
${members.join('')}
  constructor(http: Http) {
${created.join('')}  }
}
`;
}

function methodOf(path: string, method: string, operation: Operation): string {
  const { operationId, parameters = [], requestBody, responses } = operation;
  const type = `t.${operationId[0]?.toUpperCase()}${operationId.slice(1)}`;
  const has = (name: string) => parameters.some((parameter) => parameter.name === name);
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  const given = names.map((name) => `${name}: NonNullable<${type}Data['path']>['${name}']`);
  const params = names.length > 0 ? `{ ${names.join(', ')} }` : '{}';
  const query = parameters.some((parameter) => parameter.in === 'query');
  const text = (list: string[], returned: string, call: string) =>
    `  /** ${operation.summary ?? operationId}. */\n  ${operationId}(${list.join(', ')}): ${returned} {\n    return ${call};\n  }\n`;
  const answer = `Promise<Result<Answer<${type}Responses>>>`;
  const body = requestBody === undefined ? [] : [`body: Body<${type}Data>`];
  const sent = requestBody === undefined ? 'undefined' : 'body';
  const at = `'${path}', ${params}`;
  if (method === 'get' && has('cursor')) {
    const list = [...given, `query?: Query<${type}Data>`, 'options?: CallOptions'];
    return text(list, `Pages<Entry<${type}Responses>>`, `this.list(${at}, query, options)`);
  }
  if (method === 'get') {
    const list = [...given, ...(query ? [`query?: Query<${type}Data>`] : []), 'options?: ReadOptions'];
    return text(list, `Promise<Result<${type}Responses[200]>>`, `this.read(${at}, ${query ? 'query' : 'undefined'}, options)`);
  }
  if (requestBody !== undefined && 'text/csv' in requestBody.content) {
    const types = Object.keys(requestBody.content).map((it) => `'${it}'`);
    const list = [...given, 'file: BodyInit', `mediaType: ${types.join(' | ')}`, `query?: Query<${type}Data>`, 'options?: KeyOptions'];
    return text(list, answer, `this.upload(${at}, query, file, mediaType, options)`);
  }
  if (method === 'post') {
    const keyed = has('Idempotency-Key');
    const options = keyed ? (has('If-Match') ? 'KeyedVersionOptions' : 'KeyOptions') : 'CallOptions';
    const call = `this.${keyed ? 'post' : 'ask'}(${at}, ${sent}, options)`;
    return text([...given, ...body, `options?: ${options}`], answer, call);
  }
  if (method === 'delete') {
    return text([...given, 'options?: CallOptions'], answer, `this.remove(${at}, options)`);
  }
  const needsVersion = '428' in responses;
  const options = needsVersion ? 'options: VersionOptions' : 'options?: CallOptions & Partial<VersionOptions>';
  return text([...given, ...body, options], answer, `this.change('${method.toUpperCase()}', ${at}, ${sent}, options)`);
}

function className(tag: string): string {
  const words = tag.split(/[^a-zA-Z]+/);
  return words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join('');
}

function memberName(tag: string): string {
  const name = className(tag);
  return `${name[0]?.toLowerCase()}${name.slice(1)}`;
}

function typesOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'oms-types-'));
  try {
    const program = join(root, 'node_modules/@hey-api/openapi-ts/bin/run.js');
    const words = [program, '-i', specification, '-o', folder, '-p', '@hey-api/typescript', '--silent'];
    execFileSync(process.execPath, words, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    return readFileSync(join(folder, 'types.gen.ts'), 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const generated = {
  'src/operations.gen.ts': operationsOf(JSON.parse(readFileSync(specification, 'utf8'))),
  'src/types.gen.ts': typesOf(),
};
for (const [name, text] of Object.entries(generated)) {
  const file = join(root, name);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${name} is not that of bins/oms-api/openapi.json: run cargo xtask docs`);
    process.exitCode = 1;
  }
}
