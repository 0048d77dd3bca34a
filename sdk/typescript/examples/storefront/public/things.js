/** What the shop says about its products: oms knows their price and stock, the shop their pictures and words. */

const SVG = 'http://www.w3.org/2000/svg';

const THINGS = {
  'WIDGET-A': { title: 'Enamel cup', words: 'Chips with grace. Holds a generous coffee.', tint: 'sand', art: [
    ['path', 'M58 66h70v46a26 26 0 0 1-26 26H84a26 26 0 0 1-26-26z', 'paper'],
    ['path', 'M128 78h8a15 15 0 0 1 0 34h-8v-9h7a7 7 0 0 0 0-16h-7z', 'paper'],
    ['path', 'M56 62h74v8H56z', 'blue'],
    ['path', 'M70 84h6v26h-6z', 'shine'],
  ] },
  'WIDGET-B': { title: 'Beeswax candle', words: 'Forty quiet evenings, give or take.', tint: 'sage', art: [
    ['path', 'M80 78h40v62H80z', 'honey'],
    ['path', 'M80 78h40v6a8 8 0 0 1-8 8 6 6 0 0 1-6-6 6 6 0 0 0-12 0v10a6 6 0 0 1-12 0V86z', 'wax'],
    ['path', 'M98.500 66h3v13h-3z', 'clay'],
    ['path', 'M100 38c9 11 11 16 11 21a11 11 0 0 1-22 0c0-5 2-10 11-21z', 'flame'],
    ['path', 'M66 140h68v6a4 4 0 0 1-4 4H70a4 4 0 0 1-4-4z', 'clay'],
  ] },
  'GADGET-C': { title: 'Brass lamp', words: 'One switch, one bulb, no app.', tint: 'mist', art: [
    ['path', 'M97 84h6v56h-6z', 'brass'],
    ['path', 'M76 44h48l18 44H58z', 'brass'],
    ['path', 'M82 52h8l-10 28h-9z', 'shine'],
    ['path', 'M66 88h68a34 10 0 0 1-68 0z', 'glow'],
    ['path', 'M72 140h56a8 8 0 0 1 8 8H64a8 8 0 0 1 8-8z', 'brass'],
  ] },
  'SPLIT-EAST': { title: 'Linen towels', words: 'A pair. From Atlanta and Chicago only.', tint: 'rose', art: [
    ['path', 'M56 96h88v44H56z', 'paper'],
    ['path', 'M56 82h88a0 0 0 0 1 0 0v18H56z', 'linen'],
    ['path', 'M62 62h76a6 6 0 0 1 6 6v16H56V68a6 6 0 0 1 6-6z', 'paper'],
    ['path', 'M56 70h88v4H56zM56 122h88v4H56zM56 130h88v2H56z', 'red'],
  ] },
  'SPLIT-WEST': { title: 'Walnut board', words: 'Oiled by hand. Not from the east coast.', tint: 'sand', art: [
    ['path', 'M68 72a10 10 0 0 1 10-10h44a10 10 0 0 1 10 10v66a10 10 0 0 1-10 10H78a10 10 0 0 1-10-10z', 'walnut'],
    ['path', 'M92 40h16v24H92z', 'walnut'],
    ['path', 'M100 36a12 12 0 1 1 0 24 12 12 0 0 1 0-24zm0 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10z', 'walnut'],
    ['path', 'M80 74h3v62h-3zM96 70h2v70h-2zM114 78h3v56h-3z', 'grain'],
  ] },
  SCARCE: { title: 'Poppy seeds', words: 'Last year’s harvest. There are not many.', tint: 'sage', art: [
    ['path', 'M64 50h72v92a6 6 0 0 1-6 6H70a6 6 0 0 1-6-6z', 'paper'],
    ['path', 'M64 50h72v14H64z', 'clay'],
    ['path', 'M99 98h3v34h-3z', 'green'],
    ['path', 'M100 122c-14 0-18-8-18-14 12 0 18 6 18 14zM101 128c12 0 17-7 17-13-11 0-17 6-17 13z', 'green'],
    ['path', 'M100 72a16 14 0 1 1 0 28 16 14 0 0 1 0-28z', 'red'],
    ['path', 'M100 82a5 5 0 1 1 0 10 5 5 0 0 1 0-10z', 'ink'],
  ] },
};

/** The title, words and picture of a product. One that the shop does not know has its name. */
export function thing({ sku, name }) {
  return THINGS[sku] ?? { title: name, words: '', tint: 'mist', art: [['path', 'M70 70h60v60H70z', 'paper']] };
}

/** The picture. It says nothing that the title does not say. */
export function picture(product) {
  const { tint, art } = thing(product);
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '40 24 120 140');
  svg.setAttribute('aria-hidden', 'true');
  for (const [name, d, colour] of art) {
    const shape = document.createElementNS(SVG, name);
    shape.setAttribute('d', d);
    shape.setAttribute('class', `c-${colour}`);
    shape.setAttribute('fill-rule', 'evenodd');
    svg.append(shape);
  }
  const frame = document.createElement('span');
  frame.className = `picture t-${tint}`;
  frame.append(svg);
  return frame;
}
