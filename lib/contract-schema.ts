/** The message contract as a JSON Schema (draft 2020-12), for programs in other languages and for editors. */
import { z } from "zod";
import { CONTRACT_VERSION, messageSchema } from "./message";

export const SCHEMA_ID = `https://github.com/facewire/node-red-facenet/message-${CONTRACT_VERSION}.schema.json`;

/**
 * What a node takes, from the schemas that it is checked with. Binary values, which JSON has none of, are of any type
 * there, and `type` in their place says which: a Buffer, a Float32Array.
 */
export function contractSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(messageSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const binary = z.globalRegistry.get(zodSchema)?.["type"];
      if (typeof binary !== "string") return;
      delete jsonSchema.type;
      jsonSchema["x-type"] = binary;
    },
  });
  return {
    $schema,
    $id: SCHEMA_ID,
    title: `Message contract of face recognition, version ${CONTRACT_VERSION}`,
    ...schema,
  };
}
