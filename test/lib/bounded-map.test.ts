import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BoundedMap } from "../../lib/bounded-map";

describe("BoundedMap", () => {
  it("lets the one go that was set longest ago, and tells whoever owns it", () => {
    const gone: [string, number][] = [];
    const map = new BoundedMap<string, number>(2, (value, key) => gone.push([key, value]));
    map.set("a", 1).set("b", 2).set("a", 3);
    assert.deepEqual(
      [...map],
      [
        ["b", 2],
        ["a", 3],
      ],
    );
    map.set("c", 4);
    assert.deepEqual(
      [...map],
      [
        ["a", 3],
        ["c", 4],
      ],
    );
    assert.deepEqual(gone, [["b", 2]]);
  });

  it("says nothing of what is set again or deleted", () => {
    const gone: string[] = [];
    const map = new BoundedMap<string, number>(1, (_, key) => gone.push(key));
    map.set("a", 1).set("a", 2);
    map.delete("a");
    map.set("b", 1);
    assert.deepEqual([...map], [["b", 1]]);
    assert.deepEqual(gone, []);
  });
});
