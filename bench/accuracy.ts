/**
 * Accuracy on photos of identities, one folder each (LFW's layout), through the package's own encoder.
 *   npm run bench:accuracy -- --data DIR
 * A photo without a usable face is a failure: its genuine pairs count as not matched. Of several faces the one that most raw
 * detections agreed on is taken, not the largest.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { euclideanDistance } from "../lib/embed/distance";
import { createEncoder } from "../lib/embed/encode";

interface Photo {
  person: string;
  file: string;
  embedding: Float32Array | undefined;
}

const { values } = parseArgs({ options: { data: { type: "string" }, model: { type: "string", default: "" } } });

/** Wilson's 95 % interval of a share (Wilson 1927). */
function interval(hits: number, total: number): string {
  const z = 1.96;
  const share = hits / total;
  const centre = (share + (z * z) / (2 * total)) / (1 + (z * z) / total);
  const half = (z / (1 + (z * z) / total)) * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  return `${(100 * share).toFixed(2)} % [${(100 * (centre - half)).toFixed(2)}, ${(100 * (centre + half)).toFixed(2)}]`;
}

async function main(folder: string): Promise<void> {
  const encoder = await createEncoder({ model: values.model });
  const photos: Photo[] = [];
  const start = performance.now();
  for (const person of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    for (const file of readdirSync(join(folder, person.name))) {
      const faces = (await encoder.encode(readFileSync(join(folder, person.name, file)))).filter(({ embedding }) => embedding !== undefined).toSorted((a, b) => b.score - a.score);
      photos.push({ person: person.name, file, embedding: faces[0]?.embedding });
    }
  }
  const seconds = (performance.now() - start) / 1000;
  await encoder.close();
  const missing = photos.filter(({ embedding }) => embedding === undefined);
  const genuine: number[] = [];
  const impostor: number[] = [];
  photos.forEach((a, index) => {
    for (const b of photos.slice(index + 1)) {
      const distance = a.embedding === undefined || b.embedding === undefined ? Infinity : euclideanDistance(a.embedding, b.embedding);
      (a.person === b.person ? genuine : impostor).push(distance);
    }
  });
  impostor.sort((a, b) => a - b);
  genuine.sort((a, b) => a - b);
  console.log(`${new Date().toISOString().slice(0, 10)} · Node.js ${process.version} · model ${encoder.model}`);
  console.log(`${photos.length} photos of ${new Set(photos.map(({ person }) => person)).size} people; no usable face in ${missing.length}${missing.length > 0 ? `: ${missing.map(({ file }) => file).join(", ")}` : ""}; ${(1000 * seconds / photos.length).toFixed(0)} ms a photo`);
  console.log(`${genuine.length} genuine pairs, ${impostor.length} impostor pairs; median distances ${genuine[genuine.length >> 1]?.toFixed(3)} and ${impostor[impostor.length >> 1]?.toFixed(3)}`);
  const matched = (threshold: number): number => genuine.filter((distance) => distance <= threshold).length;
  for (const fmr of [0.01, 0.001]) {
    const allowed = Math.floor(impostor.length * fmr);
    // The largest threshold at which no more than the allowed impostor pairs match.
    const threshold = (impostor[allowed] ?? 0) - 1e-9;
    console.log(`TMR at FMR ${100 * fmr} % (${allowed} pairs): ${interval(matched(threshold), genuine.length)}  at τ ${threshold.toFixed(3)}`);
  }
  const tau = encoder.threshold;
  console.log(`at the model's τ ${tau}: TMR ${interval(matched(tau), genuine.length)}, FMR ${interval(impostor.filter((distance) => distance <= tau).length, impostor.length)}`);
  const all = [...genuine.map((distance) => ({ distance, same: true })), ...impostor.map((distance) => ({ distance, same: false }))].toSorted((a, b) => a.distance - b.distance);
  let [hits, falses, eer] = [0, 0, 1];
  for (const { same } of all) {
    if (same) hits += 1;
    else falses += 1;
    eer = Math.min(eer, Math.max(1 - hits / genuine.length, falses / impostor.length));
  }
  console.log(`EER ${(100 * eer).toFixed(2)} %`);
  console.log(`rank-1, one photo each in the gallery, every photo in turn: ${rankOne(photos)}`);
}

/** Draw k enrols the k-th photo of each person; all others are probes. */
function rankOne(photos: readonly Photo[]): string {
  const people = groupBy(photos);
  const draws = Math.min(...[...people.values()].map(({ length }) => length));
  let right = 0;
  let total = 0;
  for (let draw = 0; draw < draws; draw += 1) {
    const gallery = [...people.values()].map((some) => some[draw] as Photo);
    for (const probe of photos) {
      if (gallery.includes(probe)) continue;
      total += 1;
      const scored = gallery.map((enrolled) => ({ person: enrolled.person, distance: probe.embedding === undefined || enrolled.embedding === undefined ? Infinity : euclideanDistance(probe.embedding, enrolled.embedding) })).toSorted((a, b) => a.distance - b.distance);
      if (scored[0] !== undefined && scored[0].distance < Infinity && scored[0].person === probe.person) right += 1;
    }
  }
  return `${interval(right, total)} of ${total} probes in ${draws} draws`;
}

function groupBy(photos: readonly Photo[]): Map<string, Photo[]> {
  const groups = new Map<string, Photo[]>();
  for (const photo of photos) groups.set(photo.person, [...(groups.get(photo.person) ?? []), photo]);
  return groups;
}

if (values.data === undefined) {
  console.error("--data DIR is missing: a folder with a folder of photos for each person.");
  process.exit(2);
}
void main(values.data);
