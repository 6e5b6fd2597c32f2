import { ZipFile } from "yazl";

/** A zip of such files. */
export async function zipOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** An export of a gallery with such files in it. */
export function exportOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  return zipOf({ "gallery.json": '{"format":"facenet-gallery","version":1}', ...files });
}
