import { call, element, find, money, over, problem } from './page.js';
import { picture, thing } from './things.js';

const id = location.pathname.split('/').pop();
const products = await call('/api/catalogue').catch(() => []);

/** Where the order is: what to say, and how many of the steps are done. */
function progress({ status, fulfilmentStatus, payment }) {
  if (status === 'FAILED') {
    return { title: 'The payment did not go through', lead: 'Nothing was charged. Your bag is as it was.', done: -1 };
  }
  if (status === 'CANCELLED' || status === 'CANCELLING') return { title: 'The order was cancelled', lead: 'You get back what you paid.', done: -1 };
  if (status === 'REFUNDED' || status === 'REFUNDING') return { title: 'The order was refunded', lead: 'You get back what you paid.', done: -1 };
  if (status === 'PENDING_PAYMENT') {
    return payment.redirectUrl === undefined
      ? { title: 'Waiting for your bank', lead: 'We hold your things meanwhile. This page changes by itself.', done: 1 }
      : { title: 'Your bank wants to hear from you', lead: 'Confirm the payment, and your order is on its way.', done: 1 };
  }
  if (fulfilmentStatus === 'DELIVERED') return { title: 'It has arrived', lead: 'Enjoy it.', done: 4 };
  if (fulfilmentStatus === 'FULFILLED') return { title: 'It is on its way', lead: 'The parcel has left the warehouse.', done: 3 };
  return { title: 'Thank you', lead: 'Your order is paid, and is being packed.', done: 2 };
}

function steps({ createdAt, warehouseName, parcels }, done) {
  const at = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(createdAt));
  const parcel = parcels.map(({ carrier, trackingNumber }) => [carrier, trackingNumber].filter(Boolean).join(' ')).join(', ');
  return [
    ['Ordered', at],
    ['Paid', ''],
    ['Packed and sent', parcel || (warehouseName ? `From ${warehouseName}` : '')],
    ['Delivered', ''],
  ].map(([name, note], number) => {
    const state = number < done ? 'done' : number === done ? 'now' : 'later';
    const said = { done: 'done', now: 'in progress', later: 'to come' }[state];
    return element('li', { class: state },
      element('span', { class: 'step' }, name, element('span', { class: 'hidden' }, `: ${said}`)),
      ...(note ? [element('small', {}, note)] : []),
    );
  });
}

function line({ productId, quantity, total }) {
  const product = products.find((it) => it.id === productId) ?? { name: 'A product' };
  return element('li', {},
    picture(product),
    element('span', { class: 'name' }, thing(product).title, element('small', {}, `${quantity} × ${money({ ...total, amountMinor: total.amountMinor / quantity })}`)),
    element('span', { class: 'amount' }, money(total)),
  );
}

function action({ status, payment }) {
  if (status === 'FAILED') return [element('a', { class: 'main', href: '/checkout' }, 'Back to your bag')];
  if (status === 'PENDING_PAYMENT' && payment.redirectUrl !== undefined) {
    return [element('a', { class: 'main', href: payment.redirectUrl }, 'Confirm the payment')];
  }
  return [];
}

function show(order) {
  const { title, lead, done } = progress(order);
  document.title = `${title} · Morrow`;
  if (find('title').textContent !== title) find('title').textContent = title;
  if (find('lead').textContent !== lead) find('lead').textContent = lead;
  find('act').replaceChildren(...action(order));
  find('order').hidden = false;
  find('way').parentElement.hidden = done < 0;
  find('way').replaceChildren(...steps(order, done));
  find('lines').replaceChildren(...order.items.map(line));
  find('total').textContent = money(order.total);
  find('number').textContent = `Order ${order.orderId.slice(-8)}`;
  if (order.status !== 'PENDING_PAYMENT') over(order.checkout, order.status !== 'FAILED');
}

/** Reads the order, and once more if something happened meanwhile, so that the newest state is shown last. */
let isReading = false;
let isStale = false;
async function read() {
  isStale = true;
  if (isReading) return;
  isReading = true;
  while (isStale) {
    isStale = false;
    try {
      show(await call(`/api/orders/${id}`));
      problem();
    } catch ({ status }) {
      problem(status === 404 ? 'There is no such order, or it is not yours.' : 'The shop can’t be reached. This page tries again by itself.');
      if (status === 404) news.close();
    }
  }
  isReading = false;
}

const news = new EventSource(`/api/orders/${id}/live`);
news.addEventListener('open', () => {
  find('live').textContent = 'This page is live.';
  void read();
});
news.addEventListener('change', read);
news.addEventListener('error', () => {
  find('live').textContent = 'Not connected. Trying again.';
  void read();
});
