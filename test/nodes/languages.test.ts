/** Errors and problems in the language of whoever reads them, in a Node-RED that speaks Taiwan's Chinese. */
import assert from "node:assert/strict";
import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { fetchApi } from "../support/api";
import { eventually, type FlowNode, linkedUserDir, type NodeRed, startNodeRed } from "../support/node-red";

/** Answers a request to enrol with what the catch node is told. */
const FLOW: FlowNode[] = [
  { id: "t", type: "tab" },
  { id: "g", type: "face-gallery", name: "G", folder: "photos", model: "dlib-resnet-v1" },
  { id: "i", type: "http in", z: "t", url: "/enrol", method: "post", x: 1, y: 1, wires: [["n"]] },
  {
    id: "n",
    type: "function",
    z: "t",
    func: "msg.enrol = msg.req.query.name; return msg;",
    outputs: 1,
    x: 2,
    y: 1,
    wires: [["e"]],
  },
  {
    id: "e",
    type: "face-enrol",
    z: "t",
    name: "登錄",
    gallery: "g",
    person: "",
    personType: "msg",
    x: 3,
    y: 1,
    wires: [[]],
  },
  { id: "c", type: "catch", z: "t", scope: ["e"], x: 1, y: 2, wires: [["f"]] },
  {
    id: "f",
    type: "function",
    z: "t",
    func: "msg.payload = { error: msg.error.message }; return msg;",
    outputs: 1,
    x: 2,
    y: 2,
    wires: [["o"]],
  },
  { id: "o", type: "http response", z: "t", x: 3, y: 2, wires: [] },
];

const CHINESE = { "Accept-Language": "zh-TW" };
const ENGLISH = { "Accept-Language": "en-US" };
const JPEG = { "Content-Type": "image/jpeg" };
const JSON_TYPE = { "Content-Type": "application/json" };

interface Answer {
  id: string;
  error: string;
  code: string;
  judgement: { findings: { code: string; message: string }[] };
}

describe("a Node-RED that speaks Chinese", () => {
  let red: NodeRed;
  let nobody: Buffer;

  before(async () => {
    const userDir = linkedUserDir();
    nobody = await sharp({ create: { width: 320, height: 240, channels: 3, background: "gray" } })
      .jpeg()
      .toBuffer();
    mkdirSync(join(userDir, "photos"));
    writeFileSync(join(userDir, "photos/Nobody.jpg"), nobody);
    red = await startNodeRed(FLOW, { userDir, settings: 'lang: "zh-TW",' });
  });

  after(() => red.stop());

  /** What the catch node is told of a body that face-enrol gets. */
  async function caught(name: string, body: Buffer | string, type: Record<string, string>): Promise<string> {
    const answer = await fetch(`${red.url}/enrol?name=${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { ...type, Connection: "close" },
      body: typeof body === "string" ? body : new Uint8Array(body),
      signal: AbortSignal.timeout(120_000),
    });
    return ((await answer.json()) as { error: string }).error;
  }

  async function asked(
    path: string,
    headers: Record<string, string>,
    body: Buffer | object,
  ): Promise<Answer & { status: number }> {
    const answer = await fetchApi(`${red.url}/facenet/api/g${path}`, {
      method: "POST",
      headers: { ...(Buffer.isBuffer(body) ? JPEG : JSON_TYPE), ...headers, Connection: "close" },
      body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
      signal: AbortSignal.timeout(120_000),
    });
    return { ...((await answer.json()) as Answer), status: answer.status };
  }

  it("tells a catch node in Chinese what is wrong with a message, a name and a photo", async () => {
    assert.match(
      await caught("Alice", "{}", { "Content-Type": "application/json" }),
      /^Error: 登錄: msg\.payload 是object 型別的值，不是圖片：請傳送含有 JPEG、PNG、WebP、GIF、AVIF 或 HEIC 檔案的 Buffer/,
    );
    assert.equal(
      await caught("x".repeat(81), nobody, { "Content-Type": "image/jpeg" }),
      "Error: 登錄: 姓名有 81 個字元：最多 80 個。",
    );
    assert.equal(
      await caught("Alice", nobody, { "Content-Type": "image/jpeg" }),
      "Error: 登錄: 未保留照片：照片中沒有可用的臉：請從正面拍攝，頭部端正，整張臉都在光線下。",
    );
  });

  it("answers a request in the language that it asks for", async () => {
    const fields = { name: "Alice", notes: 7 };
    assert.equal((await asked("/people", CHINESE, fields)).error, "notes：預期為 string，但收到 number。");
    assert.equal((await asked("/people", ENGLISH, fields)).error, "notes: expected string, received number.");
    const { id } = await asked("/people", ENGLISH, { name: "Alice" });
    assert.equal(
      (await asked("/people", CHINESE, { name: "Alice" })).error,
      "已有人名為「Alice」：請改用其他姓名，或將照片加入該人員。",
    );
    const refused = async (language: Record<string, string>): Promise<unknown> => {
      const { status, error, judgement } = await asked(`/people/${id}/photos`, language, nobody);
      return [status, error, judgement.findings.map(({ code, message }) => `${code} ${message}`)];
    };
    const chinese = "照片中沒有可用的臉：請從正面拍攝，頭部端正，整張臉都在光線下。";
    assert.deepEqual(await refused(CHINESE), [422, `未保留照片：${chinese}`, [`no_face ${chinese}`]]);
    const english =
      "the photo shows no face that can be used: take one from the front, upright, with the whole face in light.";
    assert.deepEqual(await refused(ENGLISH), [422, `the photo is not kept: ${english}`, [`no_face ${english}`]]);
  });

  it("tells the problems of a gallery in the language of who asks", async () => {
    const problems = async (language: Record<string, string>): Promise<string[]> => {
      const answer = await fetchApi(`${red.url}/facenet/api/galleries`, { headers: language });
      const [gallery] = (await answer.json()) as { problems: { message: string }[] }[];
      return (gallery?.problems ?? []).map(({ message }) => message);
    };
    const chinese = await eventually("the photo's problem", async () => {
      const found = await problems(CHINESE);
      return found.length > 0 ? found : undefined;
    });
    assert.deepEqual(chinese, ["照片 Nobody.jpg 中沒有可用的臉：請從正面拍攝，臉要清晰且至少 100 像素寬。"]);
    assert.deepEqual(await problems(ENGLISH), [
      "the photo Nobody.jpg shows no face that can be used: take one from the front, sharp and at least 100 " +
        "pixels wide.",
    ]);
  });

  it("says in the language of who asks why τ is what it is", async () => {
    const why = async (language: Record<string, string>): Promise<string> => {
      const answer = await fetchApi(`${red.url}/facenet/api/g/threshold?distance=euclidean`, { headers: language });
      return ((await answer.json()) as { why: string }).why;
    };
    assert.match(await why(CHINESE), /^τ 0\.\d+ 為模型 dlib-resnet-v1 本身的值：歐氏距離無法說明有多少陌生人會接近$/);
    assert.match(await why(ENGLISH), /^τ 0\.\d+ is the model dlib-resnet-v1's own: Euclidean distances do not say/);
  });
});
