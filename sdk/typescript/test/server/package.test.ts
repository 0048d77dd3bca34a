/** The package as others install it, and the examples of its README. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Project, ROOT } from './project.ts';
import { Shop } from './shop.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** The examples of the README, in order. */
const EXAMPLES = [...README.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
/** What the examples take for granted. */
const GIVEN = `
declare const cart: { id: string };
declare const id: string;
declare const request: Request;
declare function show(text: unknown): void;
declare const order: import('@oms/client').types.NewOrder;
declare const books: { cursor: string; orders: Map<string, object>; store(cursor: string): Promise<void> };
`;
/** An example defines it, and another one calls it. */
const CERTAIN = 'declare function certain<T>(call: () => Promise<T>): Promise<T>;\n';

let project: Project;
let shop: Shop;
before(async () => {
  project = new Project();
  shop = await Shop.open();
});
after(async () => {
  await shop?.close();
  project?.remove();
});

/** Runs a program in the project, and returns what it prints. */
function runs(program: string): string {
  return project.run(process.execPath, [project.write('program.mts', program)], { OMS_URL: shop.apiUrl });
}

test('the first example of the README places an order', async () => {
  const example = EXAMPLES[0]?.replace("'https://oms.example'", 'process.env.OMS_URL') ?? '';
  const buy = (cart: string, text = example) => {
    const given = `const cart = { id: '${cart}' };\nconst show = (it: unknown) => console.log('declined', it);\n`;
    return runs(text.replace('const oms', `${given}const oms`));
  };
  assert.equal(buy('basket-1'), '');
  // Again, with the key of the same cart.
  assert.equal(buy('basket-1'), '');
  const found = [];
  for await (const order of shop.client().orders.listOrders()) found.push(order.status);
  assert.deepEqual(found, ['PAID']);
  const declined = example.replace('pm_card_visa', 'pm_card_visa_chargeDeclinedInsufficientFunds');
  assert.equal(buy('basket-2', declined), 'declined insufficient_funds\n');
});

test('all examples compile against the installed package', () => {
  const files = EXAMPLES.map((example, number) => {
    const hasImports = example.includes('import ');
    const imports = hasImports ? '' : "import { ConnectionFailed, isAboutOrder, isProblem, Oms } from '@oms/client';\ndeclare const oms: Oms;\n";
    const given = example.includes('function certain') ? GIVEN : `${GIVEN}${CERTAIN}`;
    return project.write(`example${number}.mts`, `${imports}${given}\n${example}\nexport {};\n`);
  });
  assert.ok(files.length >= 4);
  project.compile([...files, project.copy('examples/erp/erp.ts')]);
});

test('the webhook module is found by its own name', () => {
  assert.equal(runs("import { verify } from '@oms/client/webhooks'; console.log(typeof verify);"), 'function\n');
});
