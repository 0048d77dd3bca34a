/**
 * Keeps the books of an ERP up to date with oms: `node erp.ts books.json`.
 *
 * The books and the cursor are in one file, which is replaced as a whole. So a crash at any moment loses nothing and books
 * nothing twice: what was done after the last save is forgotten with its cursor, and the events come again.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { ConnectionFailed, isAboutOrder, isProblem, Oms, type OmsEvent } from '@oms/client';

interface Books {
  cursor: string;
  /** By ID: what oms says of the order. */
  orders: Record<string, Order>;
  /** By the event's ID: what was earned or given back with it, in minor units. */
  journal: Record<string, number>;
}

interface Order {
  reference: string | undefined;
  status: string;
  total: number;
  /** What the customer paid, less what was refunded. */
  held: number;
  /** Units by product. */
  units: Record<string, number>;
}

const oms = new Oms({ baseUrl: process.env['OMS_URL'] ?? '', credential: process.env['OMS_KEY'] ?? '' });
const file = process.argv[2] ?? 'books.json';

async function load(): Promise<Books> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Books;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
    return { cursor: 'earliest', orders: {}, journal: {} };
  }
}

async function save(books: Books): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(books));
  await rename(`${file}.new`, file);
}

/** Events say which orders changed. Their current state is read, some at a time. */
async function read(ids: Iterable<string>, books: Books): Promise<void> {
  const left = [...ids];
  const reader = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const { data: order } = await oms.orders.getOrder(id);
      books.orders[id] = {
        reference: order.externalReference,
        status: order.status,
        total: order.total.amountMinor,
        held: order.held.amountMinor,
        units: Object.fromEntries(order.items.map((item) => [item.productId, item.quantity])),
      };
    }
  };
  await Promise.all(Array.from({ length: 8 }, reader));
}

/** What never changes is in the event itself. */
function post(event: OmsEvent, books: Books): void {
  if (event.type === 'order.paid') books.journal[event.id] = event.data.total.amountMinor;
  if (event.type === 'order.refunded') books.journal[event.id] = -event.data.total.amountMinor;
}

async function follow(books: Books): Promise<void> {
  const changed = new Set<string>();
  const events = oms.events.follow({
    cursor: books.cursor,
    limit: 200,
    onOutage: (error, pauseMs) => console.error(`${error.message}: again in ${Math.round(pauseMs)} ms`),
    save: async (cursor) => {
      await read(changed, books);
      changed.clear();
      books.cursor = cursor;
      await save(books);
    },
  });
  for await (const event of events) {
    if (isAboutOrder(event)) changed.add(event.subject.id);
    post(event, books);
  }
}

for (;;) {
  try {
    await follow(await load());
  } catch (error) {
    if (isProblem(error, 'events.cursor_expired')) throw new Error('the books are too old: begin them anew', { cause: error });
    // An order could not be read. What was not saved is done again.
    if (!(error instanceof ConnectionFailed || (isProblem(error) && error.status >= 429))) throw error;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
