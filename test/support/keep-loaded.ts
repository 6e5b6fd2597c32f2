/** What a test file needs of networks, loaded once: that takes longer than most tests. */
import { after, before } from "node:test";
import { createEncoder, type FaceEncoder } from "../../lib/enrol/encoder";

/**
 * The workers of a photo's path (cascade, landmarks, this network) live from the suite's first test to its last,
 * whatever the tests open and close.
 * @param model its id; without one, that of old nodes
 */
export function keepLoaded(model = ""): void {
  let encoder: FaceEncoder;
  before(async () => {
    encoder = await createEncoder({ model });
    await encoder.warmUp();
  });
  after(() => encoder.close());
}
