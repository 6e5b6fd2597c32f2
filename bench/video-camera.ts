import type { FlowNode } from "../test/support/node-red";

export interface VideoCamera {
  id: string;
  name: string;
  /** The video, which is played over and over as a camera sends it. */
  path: string;
  width: number | undefined;
  height: number | undefined;
  /** Frames a second; empty is the video's own. */
  fps?: string;
  autostart?: boolean;
  /** The node that gets its frames. */
  to: string;
}

/** A camera node on the tab "tab". */
export function videoCamera({ to, fps = "", autostart = true, ...camera }: VideoCamera): FlowNode {
  return {
    ...camera,
    type: "facewire-camera",
    z: "tab",
    source: "file",
    loop: true,
    realtime: true,
    autostart,
    fps,
    output: "jpeg",
    wires: [[to], []],
  };
}
