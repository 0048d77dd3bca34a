import { bag, call, element, find, money, problem, putInBag, say } from './page.js';
import { picture, thing } from './things.js';

/** From so many units on, the page says how many are left. */
const FEW = 20;

function left({ available }) {
  if (available === 0) return 'Sold out';
  return available <= FEW ? `${available} left` : 'In stock';
}

function tile(product) {
  const { title, words } = thing(product);
  const add = () => {
    putInBag(product.id, (bag()[product.id] ?? 0) + 1);
    say(`${title} is in your bag.`);
  };
  const button = { class: 'quiet', type: 'button', onclick: add, disabled: product.available === 0, 'aria-label': `Add to bag: ${title}` };
  return element('li', { class: 'tile' },
    picture(product),
    element('div', { class: 'words' },
      element('h2', {}, title),
      element('p', { class: 'price' }, money(product.price)),
      element('p', { class: 'about' }, words),
      element('p', { class: 'left' }, left(product)),
      element('button', button, 'Add to bag'),
    ),
  );
}

const shelf = find('shelf');
try {
  const products = await call('/api/catalogue');
  shelf.replaceChildren(...products.map(tile));
} catch {
  problem('The shop can’t be reached. Please try again in a moment.');
}
shelf.removeAttribute('aria-busy');
