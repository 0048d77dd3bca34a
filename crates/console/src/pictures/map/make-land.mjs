// Writes land.path from Natural Earth's land at 1:110m, which is in the public domain, as the npm package world-atlas
// packs it (ISC):
//
//   npm install --no-save world-atlas@2.0.2 topojson-client@3.1.0 && node make-land.mjs
//
// The file is one SVG path. Its unit is a hundredth of a degree; x grows to the east, y to the north. A ring is
// `M x y`, the differences to each next point after `l`, and `z`. A ring that crosses the date line continues beyond
// 180 degrees; its middle is within them. The ring around the South Pole is cut at the date line, and closed along the
// edge of the map.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'x'));
const { feature } = require('topojson-client');
const world = JSON.parse(readFileSync(require.resolve('world-atlas/land-110m.json'), 'utf8'));

const withoutJumps = (points) => {
  let turns = 0;
  const unrolled = points.map(([lng, lat], index) => {
    const step = index > 0 ? lng - points[index - 1][0] : 0;
    if (Math.abs(step) > 180) turns -= Math.sign(step) * 360;
    return [lng + turns, lat];
  });
  if (turns === 0) {
    const lngs = unrolled.map(([lng]) => lng);
    const middle = (Math.min(...lngs) + Math.max(...lngs)) / 2;
    return unrolled.map(([lng, lat]) => [lng - 360 * Math.round(middle / 360), lat]);
  }
  const [cut, next] = points.flatMap(([lng], index) =>
    index > 0 && Math.abs(lng - points[index - 1][0]) > 180 ? [index - 1, index] : [],
  );
  const line = [...points.slice(next, -1), ...points.slice(0, cut + 1)];
  const corners = [
    [Math.sign(line.at(-1)[0]) * 180, -90],
    [Math.sign(line[0][0]) * 180, -90],
  ];
  return [...line, ...corners, line[0]];
};
const hundredths = ([lng, lat]) => [Math.round(lng * 100), Math.round(lat * 100)];
const ring = (points) => {
  const [first, ...rest] = withoutJumps(points).slice(0, -1).map(hundredths);
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
