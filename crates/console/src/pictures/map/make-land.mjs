// Writes land.path from Natural Earth's land at 1:110m, which is in the public domain, as the npm package world-atlas
// packs it (ISC):
//
//   npm install --no-save world-atlas@2.0.2 topojson-client@3.1.0 && node make-land.mjs
//
// The file is one SVG path. Its unit is a hundredth of a degree; x grows to the east, y to the north. A ring is
// `M x y`, the differences to each next point after `l`, and `z`.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'x'));
const { feature } = require('topojson-client');
const world = JSON.parse(readFileSync(require.resolve('world-atlas/land-110m.json'), 'utf8'));

const hundredths = ([lng, lat]) => [Math.round(lng * 100), Math.round(lat * 100)];
const ring = (points) => {
  const [first, ...rest] = points.slice(0, -1).map(hundredths);
  let [x, y] = first;
  const steps = rest.flatMap(([nextX, nextY]) => {
    const step = [nextX - x, nextY - y];
    [x, y] = [nextX, nextY];
    return step;
  });
  return `M${first.join(' ')}l${steps.join(' ')}z`;
};
const polygons = feature(world, world.objects.land).features.flatMap((land) => land.geometry.coordinates);
writeFileSync(new URL('land.path', import.meta.url), `${polygons.flat().map(ring).join('\n')}\n`);
