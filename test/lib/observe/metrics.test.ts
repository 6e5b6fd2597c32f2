import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Metrics } from "../../../lib/observe/metrics";
import type { Face, Outcome } from "../../../lib/message";

const seen = (outcome: Outcome): Face => ({
  box: { x: 0, y: 0, width: 9, height: 9 },
  score: 1,
  identity: {
    outcome,
    name: null,
    person: null,
    groups: [],
    distance: null,
    threshold: 0.5,
    margin: null,
    candidates: [],
    reason: "above_threshold",
  },
});

describe("Metrics", () => {
  it("counts frames, drops and outcomes, and frames a second over the last ten seconds", () => {
    const metrics = new Metrics();
    for (let frame = 0; frame < 300; frame += 1)
      metrics.observe(
        "door",
        frame % 3 === 0 ? [seen("match"), seen("unknown")] : [],
        { detect: 20, total: 80, dropped: frame },
        1000 + frame * 100,
      );
    const [door] = metrics.sources(1000 + 299 * 100);
    assert.deepEqual(door, {
      source: "door",
      frames: 300,
      dropped: 299,
      fps: (1000 * 100) / 9900,
      outcomes: { match: 100, unknown: 100 },
      timing: { detect: 20, total: 80 },
    });
    assert.equal(metrics.sources(1_000_000)[0]?.fps, 0);
  });

  it("speaks Prometheus' text format, with buckets that add up and labels that are escaped", () => {
    const metrics = new Metrics();
    for (const detect of [4, 40, 9000]) metrics.observe('the "front"\ndoor\\', [seen("match")], { detect }, 0);
    const text = metrics.text();
    const label = 'source="the \\"front\\"\\ndoor\\\\"';
    assert.ok(text.includes(`facenet_frames_total{${label}} 3\n`));
    assert.ok(text.includes(`facenet_faces_total{${label},outcome="match"} 3\n`));
    for (const [bound, count] of [
      ["0.005", 1],
      ["0.02", 1],
      ["0.05", 2],
      ["5", 2],
      ["+Inf", 3],
    ])
      assert.ok(
        text.includes(`facenet_stage_seconds_bucket{${label},stage="detect",le="${bound}"} ${count}\n`),
        `${bound}`,
      );
    assert.ok(text.includes(`facenet_stage_seconds_sum{${label},stage="detect"} 9.044\n`) && text.endsWith("\n"));
    assert.equal(text.match(/^# TYPE /gm)?.length, 4);
  });

  it("counts sources that nobody could have so many of together", () => {
    const metrics = new Metrics();
    for (let index = 0; index < 1000; index += 1) metrics.observe(`camera ${index}`, [], {}, 0);
    const all = metrics.sources(0);
    assert.deepEqual([all.length, all.at(-1)?.source, all.at(-1)?.frames], [65, "others", 936]);
  });
});
