/** How often a process is killed in tests of what survives it: a few times, or a hundred times by test/soak. */
export const KILLS = Number(process.env["FACENET_KILLS"] ?? 12);
