import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Frame, MOST_CAMERAS } from "../../../lib/message";
import { KnownPlaces } from "../../../lib/observe/known-places";
import { decided } from "../../support/decided";

describe("where somebody known was seen a moment ago", () => {
  it("is known of as many cameras as a detector knows", () => {
    const places = new KnownPlaces();
    const frames = Array.from({ length: MOST_CAMERAS }, (_, camera): Frame => {
      return { source: `camera ${camera}`, sequence: 0, capturedAt: 0, width: 640, height: 480 };
    });
    for (const frame of frames) places.see([decided("alice")], frame, 0);
    const stranger = decided(null);
    for (const frame of frames) assert.ok(places.see([stranger], frame, 100)(stranger), frame.source);
  });
});
