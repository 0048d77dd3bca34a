/** The package as others install it, and the example of its README. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Shop } from './shop.ts';

const ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** The examples of the README, in order. */
const EXAMPLES = [...README.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
/** What the examples take for granted. */
const GIVEN = `
declare const cart: { id: string };
declare const id: string;
declare const request: Request;
declare function show(text: unknown): void;
declare const books: { cursor: string; seen(id: string): boolean; book(event: object): void; save(cursor: string): Promise<void> };
`;

let project: string;
let shop: Shop;
before(async () => {
  project = mkdtempSync(join(tmpdir(), 'oms-package-'));
  const run = (program: string, ...words: string[]) => execFileSync(program, words, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  execFileSync('npm', ['pack', '--pack-destination', project, '--silent'], { cwd: ROOT });
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'a-shop', private: true, type: 'module' }));
  run('npm', 'install', '--offline', '--no-audit', '--no-fund', '--silent', './oms-client-0.1.0.tgz');
  shop = await Shop.open();
});
after(async () => {
  await shop?.close();
  rmSync(project, { recursive: true });
});

/** Runs a program in the project, and returns what it prints. */
function runs(program: string): string {
  const file = join(project, 'program.mts');
  writeFileSync(file, program);
  const env = { PATH: process.env['PATH'], OMS_URL: shop.apiUrl };
  return execFileSync(process.execPath, [file], { cwd: project, env, encoding: 'utf8' });
}

test('the first example of the README places an order', async () => {
  const example = EXAMPLES[0] ?? '';
  assert.ok(example.includes('oms.place('));
  const before = "const cart = { id: 'basket-1' }; function show(text: unknown) { console.log('declined', text); }\n";
  const placed = example.replace("'https://oms.example'", 'process.env.OMS_URL');
  assert.equal(runs(`${placed}\n`.replace("const oms", `${before}const oms`)), '');
  const found = [];
  for await (const order of shop.client().orders.listOrders()) found.push(order.status);
  assert.deepEqual(found, ['PAID']);
  // Again, with the key of the same cart: it is the same order.
  runs(placed.replace("const oms", `${before}const oms`));
  // A declined card is shown.
  const declined = placed.replace('pm_card_visa', 'pm_card_visa_chargeDeclinedInsufficientFunds');
  assert.equal(runs(declined.replace("const oms", `${before.replace('basket-1', 'basket-2')}const oms`)), 'declined insufficient_funds\n');
});

test('all examples of the README compile against the installed package', () => {
  const names: string[] = [];
  for (const [number, example] of EXAMPLES.entries()) {
    const imports = number === 0 || example.includes('verify(') ? '' : "import { isProblem, Oms } from '@oms/client';\ndeclare const oms: Oms;\n";
    const name = `example${number}.mts`;
    writeFileSync(join(project, name), `${imports}${GIVEN}\n${example}\nexport {};\n`);
    names.push(name);
  }
  assert.ok(names.length > 3);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
  const words = ['--noEmit', '--strict', '--target', 'ES2022', '--module', 'NodeNext', '--skipLibCheck', ...types, ...names];
  execFileSync(process.execPath, [tsc, ...words], { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
});

test('the webhook module is found by its own name', () => {
  assert.equal(runs("import { verify } from '@oms/client/webhooks'; console.log(typeof verify);"), 'function\n');
});
