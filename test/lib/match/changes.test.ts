import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Changes } from "../../../lib/match/changes";
import { type Face, type Frame, MOST_CAMERAS } from "../../../lib/message";
import { decided } from "../../support/decided";

const frameAt = (at: number, fields: Partial<Frame> = {}): Frame => ({
  source: "door",
  sequence: Math.round(at),
  capturedAt: 1e12 + at,
  width: 640,
  height: 480,
  ...fields,
});
const alice = decided("alice", { track: 1 });
const stranger = decided(null, { track: 2 });
const noface: Face = { ...alice, identity: { ...alice.identity!, outcome: "noface", reason: "bad_alignment" } };

describe("what is news of a camera's frames", () => {
  it("is a face that comes, and not the same in the frames after it", () => {
    const changes = new Changes();
    assert.deepEqual(changes.of([alice], frameAt(0)), [alice]);
    for (let at = 40; at < 5000; at += 40) assert.equal(changes.of([alice], frameAt(at)), undefined);
  });

  it("is a face whose name or outcome changes, alone", () => {
    const changes = new Changes();
    const unsure = { ...decided(null), track: 1 };
    assert.deepEqual(changes.of([unsure, stranger], frameAt(0)), [unsure, stranger]);
    assert.deepEqual(changes.of([alice, stranger], frameAt(40)), [alice]);
    assert.equal(changes.of([alice, stranger], frameAt(80)), undefined);
  });

  it("is known of as many cameras as a detector knows", () => {
    const changes = new Changes();
    const cameras = Array.from({ length: MOST_CAMERAS }, (_, camera) => `camera ${camera}`);
    for (const source of cameras) assert.deepEqual(changes.of([alice], frameAt(0, { source })), [alice]);
    for (const source of cameras) assert.equal(changes.of([alice], frameAt(40, { source })), undefined, source);
  });

  it("is that nobody is there any more, once, after a second, and who comes then", () => {
    const changes = new Changes();
    changes.of([alice], frameAt(0));
    for (let at = 40; at < 1040; at += 40) assert.equal(changes.of([noface], frameAt(at)), undefined);
    assert.deepEqual(changes.of([], frameAt(1040)), []);
    assert.equal(changes.of([], frameAt(1080)), undefined);
    assert.deepEqual(changes.of([alice], frameAt(1120)), [alice]);
  });

  it("is not a face that the detector lost for a frame", () => {
    const changes = new Changes();
    changes.of([alice], frameAt(0));
    assert.equal(changes.of([], frameAt(40)), undefined);
    assert.equal(changes.of([alice], frameAt(80)), undefined);
  });

  it("is everything of a photo, and what another camera sees", () => {
    const changes = new Changes();
    for (let time = 0; time < 2; time += 1) assert.deepEqual(changes.of([alice], undefined), [alice]);
    changes.of([alice], frameAt(0));
    assert.deepEqual(changes.of([alice], frameAt(0, { camera: "other" })), [alice]);
  });

  it("is a face that nobody follows when it was away for two seconds", () => {
    const changes = new Changes();
    const loose = decided("alice");
    assert.deepEqual(changes.of([loose], frameAt(0)), [loose]);
    assert.equal(changes.of([loose], frameAt(1000)), undefined);
    assert.deepEqual(changes.of([loose], frameAt(4000)), [loose]);
  });
});
