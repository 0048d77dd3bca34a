/** What all pages share: elements, money, requests, and the bag. */

/** Creates an element. A text is never read as HTML. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, '');
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export const find = (name) => document.querySelector(`[data-${name}]`);

export function money({ amountMinor, currency }) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amountMinor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** An answer of the shop that is no success, with its code. No answer at all has the code `offline`. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body.code);
    this.status = status;
    this.body = body;
  }
}

export async function call(path, body) {
  const headers = { 'content-type': 'application/json' };
  const request = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  let response;
  let answer;
  try {
    response = await fetch(path, request);
    answer = await response.json();
  } catch {
    throw new Refusal(0, { code: 'offline' });
  }
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

function stored(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Units by product. */
export function bag() {
  return stored('bag', {});
}

export function putInBag(productId, units) {
  const { [productId]: _, ...others } = bag();
  localStorage.setItem('bag', JSON.stringify(units > 0 ? { ...others, [productId]: units } : others));
  showCount();
}

/**
 * The purchase that was begun: its `request`, with the ID that makes it one order however often it is sent, and the
 * `orderId` once there is an answer. It is stored before it is sent, and forgotten when it is paid, refused or changed.
 */
export function begun() {
  return stored('begun', undefined);
}

export function begin(purchase) {
  localStorage.setItem('begun', JSON.stringify(purchase));
}

export function forget() {
  localStorage.removeItem('begun');
}

/** Forgets a purchase that is over. If it is paid, the bag is empty again. */
export function over(checkout, isPaid) {
  if (begun()?.request.checkout !== checkout) return;
  forget();
  if (isPaid) localStorage.removeItem('bag');
  showCount();
}

export function showCount() {
  const count = Object.values(bag()).reduce((sum, units) => sum + units, 0);
  const badge = find('count');
  badge.hidden = count === 0;
  badge.textContent = String(count);
  badge.setAttribute('aria-label', `${count} ${count === 1 ? 'thing' : 'things'}`);
}

export function say(text) {
  const toast = find('toast');
  toast.textContent = text;
  toast.classList.add('shown');
  clearTimeout(say.timer);
  say.timer = setTimeout(() => toast.classList.remove('shown'), 2500);
}

/** Shows a problem, or none. */
export function problem(text) {
  const notice = find('problem');
  notice.hidden = text === undefined;
  notice.replaceChildren(text ?? '');
}

showCount();
