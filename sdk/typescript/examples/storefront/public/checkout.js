import { bag, begin, begun, call, element, find, forget, money, problem, putInBag, Refusal } from './page.js';
import { picture, thing } from './things.js';

const MOST = 20;
/** Pauses between requests that bring no answer. */
const PAUSES_MS = [500, 1000, 2000, 4000];

const form = find('form');
const pay = find('pay');
let products = [];

/** The lines of the bag that can be bought. */
function lines() {
  const units = bag();
  return products.filter((product) => units[product.id] > 0).map((product) => ({ product, units: units[product.id] }));
}

function total() {
  const all = lines();
  const currency = all[0]?.product.price.currency ?? 'USD';
  return { amountMinor: all.reduce((sum, { product, units }) => sum + product.price.amountMinor * units, 0), currency };
}

function line({ product, units }) {
  const { title } = thing(product);
  const change = (by) => () => {
    // Another order than the one that was begun.
    forget();
    putInBag(product.id, units + by);
    show();
    document.querySelector(`[data-line="${product.id}"] [data-by="${by}"]`)?.focus();
  };
  const step = (by, sign, label) =>
    element('button', { type: 'button', 'data-by': by, onclick: change(by), disabled: units + by > MOST, 'aria-label': label }, sign);
  return element('li', { 'data-line': product.id },
    picture(product),
    element('span', { class: 'name' }, title, element('small', {}, money(product.price))),
    element('span', { class: 'stepper' },
      step(-1, '−', `One ${title} less`), element('span', { 'aria-label': `${units} of ${title}`, role: 'img' }, String(units)), step(1, '+', `One ${title} more`),
    ),
    element('span', { class: 'amount' }, money({ ...product.price, amountMinor: product.price.amountMinor * units })),
  );
}

function show() {
  const all = lines();
  find('empty').hidden = all.length > 0;
  form.hidden = all.length === 0;
  find('lines').replaceChildren(...all.map(line));
  find('total').textContent = money(total());
  pay.textContent = `Pay ${money(total())}`;
}

function words({ body }) {
  const unavailable = (body.unavailable ?? []).map(({ productId }) => thing(products.find(({ id }) => id === productId) ?? {}).title);
  switch (body.code) {
    case 'orders.payment_declined':
      return body.declineCode === 'insufficient_funds'
        ? 'Your bank declined the card: there is not enough money on it. Nothing was charged. Please choose another card.'
        : 'Your bank declined the card. Nothing was charged. Please choose another card.';
    case 'orders.payment_voided':
      return 'The payment was interrupted. Nothing was charged. Please pay again.';
    case 'orders.no_single_warehouse':
      return unavailable.length > 0
        ? `There is not enough of ${unavailable.join(' and ')}. Please take less.`
        : 'No warehouse has all of this together. Please order it in two parts.';
    case 'orders.total_mismatch':
    case 'orders.price_changed':
      return 'A price has changed. Please look at the total, and pay again.';
    case 'orders.too_many_unpaid':
    case 'orders.too_many_declines':
      return 'Too many payments were begun. Please wait some minutes.';
    default:
      return 'The order could not be placed. Nothing was charged. Please look at your address, and pay again.';
  }
}

/** Sends the purchase until there is an answer. Its ID makes all requests one order. */
async function send(request) {
  for (let tried = 0; ; tried += 1) {
    try {
      return await call('/api/orders', request);
    } catch (refusal) {
      const isLost = refusal instanceof Refusal && (refusal.status === 0 || refusal.status >= 500 || refusal.status === 409);
      const isRefused = !isLost || refusal.body.code === 'orders.price_changed' || tried === PAUSES_MS.length;
      if (isRefused) throw refusal;
      await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[tried]));
    }
  }
}

async function buy(request) {
  problem();
  pay.disabled = true;
  pay.textContent = 'Paying…';
  form.setAttribute('aria-busy', 'true');
  try {
    const { orderId, redirectUrl } = await send(request);
    begin({ request, orderId });
    location.assign(redirectUrl ?? `/orders/${orderId}`);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    const isUnknown = refusal.status === 0 || refusal.status >= 500;
    // A refused purchase is over: the next one is another order.
    if (!isUnknown) forget();
    products = await call('/api/catalogue').catch(() => products);
    show();
    problem(isUnknown ? 'The shop does not answer. Your order may have been placed: press Pay to find out. You will not pay twice.' : words(refusal));
    pay.disabled = false;
    form.removeAttribute('aria-busy');
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const { name, street, city, card } = Object.fromEntries(new FormData(form));
  const items = lines().map(({ product, units }) => ({ productId: product.id, quantity: units }));
  const wanted = { items, name, street, city, card, total: total() };
  const { checkout, ...former } = begun()?.request ?? {};
  // The same purchase as before has the same ID. Another one has a new ID.
  const isSame = JSON.stringify(former) === JSON.stringify(wanted);
  const request = { checkout: isSame ? checkout : crypto.randomUUID(), ...wanted };
  begin({ request });
  void buy(request);
});

try {
  products = await call('/api/catalogue');
  show();
  const { request, orderId } = begun() ?? {};
  if (request !== undefined && lines().length > 0) {
    for (const name of ['name', 'street', 'city', 'card']) form.elements[name].value = request[name];
    // The page was closed, or loaded again, before there was an answer.
    if (orderId === undefined) void buy(request);
  }
} catch {
  problem('The shop can’t be reached. Please try again in a moment.');
  form.hidden = false;
}
