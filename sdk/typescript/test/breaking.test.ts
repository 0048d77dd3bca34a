import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breaksOf, type Document, factsOf, mayBreak } from '../scripts/breaking.ts';

/** An API with one operation, which each case changes. */
function api(): any {
  return {
    info: { version: '1.0.0' },
    paths: {
      '/things': {
        post: {
          parameters: [{ name: 'dry', in: 'query', schema: { type: 'boolean' } }],
          security: [{ apiKey: ['things:write'] }],
          requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/NewThing' } } } },
          responses: {
            201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
            400: { content: { 'application/json': { schema: { type: 'object', properties: { code: { type: 'string' } } } } } },
          },
        },
      },
    },
    webhooks: {
      'thing.made': {
        post: {
          requestBody: { content: { 'application/json': { schema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } } } },
        },
      },
    },
    components: {
      schemas: {
        NewThing: {
          type: 'object',
          properties: { name: { type: ['string', 'null'] }, colour: { enum: ['red', 'blue'], type: 'string' }, parts: { type: 'array', items: { $ref: '#/components/schemas/NewThing' } } },
          required: ['colour'],
        },
        Thing: {
          type: 'object',
          properties: { id: { type: 'string' }, size: { type: 'integer' }, state: { type: 'string', enum: ['new'] }, note: { oneOf: [{ type: 'string' }, { type: 'null' }] } },
          required: ['id', 'size'],
        },
      },
    },
  };
}

function breaks(change: (changed: any) => void): string[] {
  const changed = api();
  change(changed);
  return breaksOf(factsOf(api() as Document), factsOf(changed as Document));
}

const BREAKING: [string, (it: any) => void, string][] = [
  ['a removed operation', (it) => delete it.paths['/things'].post, 'no longer: POST /things exists'],
  ['a removed parameter', (it) => it.paths['/things'].post.parameters.pop(), 'no longer: POST /things has dry'],
  ['a parameter that becomes required', (it) => (it.paths['/things'].post.parameters[0].required = true), 'new: POST /things requires dry'],
  ['a new required parameter', (it) => it.paths['/things'].post.parameters.push({ name: 'x', in: 'query', required: true }), 'new: POST /things requires x'],
  ['another scope', (it) => (it.paths['/things'].post.security[0].apiKey = ['other']), 'new: POST /things requires other'],
  ['another success', (it) => delete it.paths['/things'].post.responses[201], 'no longer: POST /things answers 201'],
  ['a removed member of a request', (it) => delete it.components.schemas.NewThing.properties.name, 'no longer: request NewThing has name'],
  ['a new required member of a request', (it) => it.components.schemas.NewThing.required.push('name'), 'new: request NewThing requires name'],
  ['a removed value of a request', (it) => it.components.schemas.NewThing.properties.colour.enum.pop(), 'no longer: request NewThing.colour may be "blue"'],
  ['a type that a request may no longer have', (it) => (it.components.schemas.NewThing.properties.name.type = 'string'), 'no longer: request NewThing.name is null'],
  ['a removed member of an answer', (it) => delete it.components.schemas.Thing.properties.note, 'no longer: answer Thing has note'],
  ['a member of an answer that may be absent', (it) => it.components.schemas.Thing.required.pop(), 'no longer: answer Thing always has size'],
  ['a member of an answer that may be null', (it) => (it.components.schemas.Thing.properties.id.type = ['string', 'null']), 'new: answer Thing.id is null'],
  ['another type of an answer', (it) => (it.components.schemas.Thing.properties.size.type = 'string'), 'new: answer Thing.size is string'],
  ['a removed event', (it) => delete it.webhooks['thing.made'], 'no longer: event thing.made exists'],
  ['a removed member of an event', (it) => delete it.webhooks['thing.made'].post.requestBody.content['application/json'].schema.properties.id, 'no longer: event thing.made application/json has id'],
];
for (const [name, change, said] of BREAKING) {
  test(`${name} breaks clients`, () => {
    const found = breaks(change);
    assert.ok(found.includes(said), found.join('\n'));
  });
}

const HARMLESS: [string, (it: any) => void][] = [
  ['nothing', () => {}],
  ['a new operation with required members', (it) => (it.paths['/more'] = { get: { parameters: [{ name: 'x', in: 'query', required: true }], responses: {} } })],
  ['a new optional parameter', (it) => it.paths['/things'].post.parameters.push({ name: 'x', in: 'query' })],
  ['a new optional member of a request', (it) => (it.components.schemas.NewThing.properties.more = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] })],
  ['a new value of a request', (it) => it.components.schemas.NewThing.properties.colour.enum.push('green')],
  ['a member of a request that is no longer required', (it) => it.components.schemas.NewThing.required.pop()],
  ['a new member of an answer', (it) => (it.components.schemas.Thing.properties.more = { type: 'string' })],
  ['a new value of an answer', (it) => it.components.schemas.Thing.properties.state.enum.push('old')],
  ['a member of an answer that is always there', (it) => it.components.schemas.Thing.required.push('note')],
  ['a member of an answer that is never null', (it) => (it.components.schemas.Thing.properties.note = { type: 'string' })],
  ['another problem', (it) => delete it.paths['/things'].post.responses[400]],
  ['a scope less', (it) => (it.paths['/things'].post.security = [])],
];
for (const [name, change] of HARMLESS) {
  test(`${name} breaks no client`, () => assert.deepEqual(breaks(change), []));
}

test('only a new major version may break clients, or a new minor version before 1.0', () => {
  for (const [before, after, may] of [
    ['1.2.3', '2.0.0', true],
    ['1.2.3', '1.3.0', false],
    ['1.2.3', '1.2.3', false],
    ['0.1.0', '0.2.0', true],
    ['0.1.0', '0.1.1', false],
    ['0.9.0', '1.0.0', true],
  ] as const) {
    assert.equal(mayBreak(before, after), may, `${before} to ${after}`);
  }
});
