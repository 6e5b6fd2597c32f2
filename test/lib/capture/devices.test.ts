import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { listDevices, parseDevices } from "../../../lib/capture/devices";

describe("cameras of this computer", () => {
  it("are numbered on macOS", () => {
    const text = `[AVFoundation indev @ 0x7f8] AVFoundation video devices:
[AVFoundation indev @ 0x7f8] [0] FaceTime HD Camera
[AVFoundation indev @ 0x7f8] [1] Capture screen 0
[AVFoundation indev @ 0x7f8] AVFoundation audio devices:
[AVFoundation indev @ 0x7f8] [0] MacBook Pro Microphone
: Input/output error`;
    assert.deepEqual(parseDevices(text), [
      { device: "0", label: "FaceTime HD Camera" },
      { device: "1", label: "Capture screen 0" },
    ]);
  });

  it("are named on Windows, in old and new ffmpeg", () => {
    const old = `[dshow @ 00000000001c23c0] DirectShow video devices (some may be both video and audio devices)\r
[dshow @ 00000000001c23c0]  "Integrated Webcam"\r
[dshow @ 00000000001c23c0]     Alternative name "@device_pnp_\\\\?\\usb#vid_0c45"\r
[dshow @ 00000000001c23c0] DirectShow audio devices\r
[dshow @ 00000000001c23c0]  "Microphone (High Definition)"\r
dummy: Immediate exit requested`;
    assert.deepEqual(parseDevices(old), [{ device: "Integrated Webcam", label: "Integrated Webcam" }]);
    const recent = `[dshow @ 0000] "Integrated Webcam" (video)
[dshow @ 0000]   Alternative name "@device_pnp_x"
[dshow @ 0000] "OBS Virtual Camera" (none)
[dshow @ 0000] "Microphone (High Definition)" (audio)`;
    assert.deepEqual(
      parseDevices(recent).map(({ device }) => device),
      ["Integrated Webcam", "OBS Virtual Camera"],
    );
  });

  it("are none where nothing tells them", async () => {
    assert.deepEqual(parseDevices(""), []);
    assert.deepEqual(
      (await listDevices("linux")).filter(({ device }) => !/^\/dev\/video\d+$/.test(device)),
      [],
    );
  });
});
