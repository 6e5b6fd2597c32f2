/** Node-RED's own MQTT nodes, for the test helper: mqtt in, mqtt out and mqtt-broker. */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { NodeInitializer } from "node-red";
import { NODE_RED } from "./node-red";

export const mqtt = createRequire(join(NODE_RED, "package.json"))(
  "@node-red/nodes/core/network/10-mqtt.js",
) as NodeInitializer;
