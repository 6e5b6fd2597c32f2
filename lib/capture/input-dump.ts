/** What ffmpeg tells of the streams in what it reads, before it gives the first frame. */

const INFO = /^\[info\] /;
const INPUT = /^\[info\] Input #0,/;
const VIDEO = /^\[info\] +Stream #0:\d+.*?: Video: /;
const COVER = /\(attached pic\)/;
const AFTER = /^\[info\] (?:Stream mapping:|Output #)/;
/** A file's comment may have several lines, of which only the first has a level. */
const LEVEL = /\[(?:warning|error|fatal|panic)\]/;

export class InputDump {
  /** Whether it could be opened. */
  opened = false;
  /** Streams of moving pictures. */
  videos = 0;
  #over = false;

  /** @returns whether the line only tells what is there, and no fault */
  reads(line: string): boolean {
    if (!INFO.test(line)) return this.opened && !this.#over && !LEVEL.test(line);
    if (INPUT.test(line)) this.opened = true;
    if (AFTER.test(line)) this.#over = true;
    if (!this.#over && VIDEO.test(line) && !COVER.test(line)) this.videos += 1;
    return true;
  }
}
