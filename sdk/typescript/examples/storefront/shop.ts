/** What a shopper may do. Everything from the browser is checked here, and only what a shopper needs to know goes back. */
import { isProblem, type Oms, type types } from '@oms/client';

/** A request that the shop refuses itself. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Where the shop delivers. Its own coordinates, so that no geocoder is needed. */
const CITIES = new Map<string, { region: string; location: types.Location }>([
  ['Atlanta', { region: 'GA', location: { lat: 33.7578, lng: -84.3876 } }],
  ['Chicago', { region: 'IL', location: { lat: 41.8826, lng: -87.6227 } }],
  ['Dallas', { region: 'TX', location: { lat: 32.7875, lng: -96.7963 } }],
  ['Denver', { region: 'CO', location: { lat: 39.7532, lng: -105.0001 } }],
  ['Phoenix', { region: 'AZ', location: { lat: 33.4504, lng: -112.0675 } }],
]);

/** Test cards of the sandbox. In a real shop the gateway's library makes the token in the browser. */
const CARDS = new Map([
  ['plain', 'pm_card_visa'],
  ['secure', 'pm_card_threeDSecure2Required'],
  ['declined', 'pm_card_visa_chargeDeclinedInsufficientFunds'],
]);

/** The products with their prices, and how many units can be bought. */
export async function catalogue(oms: Oms): Promise<object[]> {
  const available = new Map<string, number>();
  for await (const level of oms.inventory.listStockLevels({ limit: 100 })) {
    available.set(level.productId, (available.get(level.productId) ?? 0) + level.available);
  }
  const products = [];
  for await (const { id, sku, name, prices } of oms.inventory.listProducts({ limit: 100 })) {
    const price = prices[0];
    if (price !== undefined) products.push({ id, sku, name, price, available: available.get(id) ?? 0 });
  }
  return products;
}

/**
 * Places an order. `checkout` is the shopper's ID of this purchase: it is the idempotency key, so that a second click, a
 * reload and a lost answer all lead to the same order, and the reference by which the order is found after the bank's page.
 */
export async function place(oms: Oms, customerId: string, body: unknown, origin: string): Promise<object> {
  const { checkout, items, name, street, city, card, total } = members(body);
  const place = CITIES.get(text(city));
  const paymentMethod = CARDS.get(text(card));
  if (!UUID.test(text(checkout)) || place === undefined || paymentMethod === undefined || !Array.isArray(items)) {
    throw new Refused(400, 'invalid');
  }
  const order: types.NewOrder = {
    customerId,
    externalReference: text(checkout),
    paymentMethod,
    returnUrl: `${origin}/returned?checkout=${text(checkout)}`,
    shippingAddress: { name: text(name), line1: text(street), city: text(city), country: 'US', ...place },
    items: items.map((item) => {
      const { productId, quantity } = members(item);
      return { productId: text(productId), quantity: Number(quantity) };
    }),
    // What the page showed. If a price has changed meanwhile, the order is refused and the page shows the new one.
    expectedTotal: members(total) as unknown as types.Money,
  };
  const placed = await oms.place(order, { idempotencyKey: text(checkout) });
  return { orderId: placed.data.orderId, redirectUrl: placed.state === 'pending' ? placed.data.payment?.nextAction?.redirectUrl : undefined };
}

/** Has the payment looked at when the shopper comes back from the bank's page. Returns the ID of the order. */
export async function returned(oms: Oms, customerId: string, checkout: string): Promise<string> {
  if (!UUID.test(checkout)) throw new Refused(404, 'not_found');
  for await (const { orderId, customerId: owner, status } of oms.orders.listOrders({ externalReference: checkout })) {
    if (owner !== customerId) continue;
    try {
      if (status === 'PENDING_PAYMENT') await oms.orders.payOrder(orderId, {});
    } catch (error) {
      // The page of the order shows that it was not paid.
      if (!isProblem(error)) throw error;
    }
    return orderId;
  }
  throw new Refused(404, 'not_found');
}

/** An order, for its customer only. */
export async function view(oms: Oms, customerId: string, id: string): Promise<object> {
  const { data: order } = await oms.orders.getOrder(id);
  if (order.customerId !== customerId) throw new Refused(404, 'not_found');
  const { orderId, status, createdAt, items, total, warehouseName, fulfilmentStatus, shipments, payment } = order;
  return {
    orderId,
    checkout: order.externalReference,
    status,
    createdAt,
    total,
    warehouseName,
    fulfilmentStatus,
    items: items.map((item) => ({ productId: item.productId, quantity: item.quantity, total: item.total })),
    payment: { state: payment?.state, declineCode: payment?.declineCode, redirectUrl: payment?.nextAction?.redirectUrl },
    parcels: (shipments ?? []).filter((it) => it.status !== 'CANCELLED').flatMap((it) => it.parcels),
  };
}

function members(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Refused(400, 'invalid');
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Refused(400, 'invalid');
  return value.trim();
}
