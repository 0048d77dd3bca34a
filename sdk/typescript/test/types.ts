/** What must not compile: `tsc` fails if one of these lines has no error. */
import { isAboutOrder, isProblem, type Oms } from '../src/index.ts';
import { ORDER } from './fake.ts';

export async function refusedByTheCompiler(oms: Oms): Promise<void> {
  // @ts-expect-error an order has items
  await oms.place({ ...ORDER, items: undefined });
  // @ts-expect-error there is no such member
  await oms.place({ ...ORDER, colour: 'red' });
  // @ts-expect-error there is no such status
  oms.orders.listOrders({ status: 'LOST' });
  // @ts-expect-error a change names the version that it changes
  await oms.inventory.changeProduct('id', { name: 'Mug' });
  // @ts-expect-error a read has no idempotency key
  await oms.orders.getOrder('id', { idempotencyKey: 'k' });
  // @ts-expect-error a file has one of three media types
  await oms.inventory.importStock('', 'application/json');
  const placed = await oms.place(ORDER);
  // @ts-expect-error only a pending order has it
  await placed.settled();
  if (placed.state === 'pending') await placed.settled();
  // @ts-expect-error there is no such code
  isProblem(undefined, 'orders.lost');
  for await (const order of oms.orders.listOrders()) {
    order.total.amountMinor.toFixed();
    // @ts-expect-error an amount is a number
    order.total.amountMinor.trim();
  }
  for await (const event of oms.events.follow({ cursor: 'earliest', types: ['order.paid', 'shipment.*'] })) {
    event.data.total.amountMinor.toFixed();
    if (event.type === 'shipment.shipped') return;
    // @ts-expect-error it is not selected
    if (event.type === 'stock.moved') return;
  }
  for await (const event of oms.events.follow({ cursor: 'earliest' })) {
    // @ts-expect-error not every event has a total
    event.data.total;
    if (event.type === 'order.paid') event.data.total.amountMinor.toFixed();
    if (event.type === 'stock.moved') event.data.movements[0]?.quantity.toFixed();
    // @ts-expect-error there is no such type
    if (event.type === 'order.lost') return;
    // @ts-expect-error not every event is about an order
    event.sequence;
    if (isAboutOrder(event)) event.sequence.toFixed();
  }
  // @ts-expect-error there is no such type
  oms.events.follow({ cursor: 'earliest', types: ['order.lost'] });
  // @ts-expect-error a loop names where it begins
  oms.events.follow({});
}
