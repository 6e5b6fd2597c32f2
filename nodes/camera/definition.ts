/** A camera node as flows keep it. */
import type { NodeDef } from "node-red";

export interface CameraDef extends NodeDef {
  source: string;
  url: string;
  device: string;
  path: string;
  width: string | number;
  height: string | number;
  fps: string | number;
  output: string;
  loop: boolean | string;
  realtime: boolean | string;
  autostart: boolean | string;
  transport: string;
  oldFfmpeg?: boolean | string;
  certificate: string;
  fingerprint: string;
  idle: string | number;
}

export interface CameraLogin {
  user: string;
  password: string;
}
