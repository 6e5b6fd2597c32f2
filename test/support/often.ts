/**
 * How often `npm test` does what is killed, refused or attacked by chance; test/soak does it many times as often
 * (FACENET_OFTEN).
 */
const OFTEN = Number(process.env["FACENET_OFTEN"] ?? 1);

/** Ends of a process by SIGKILL. */
export const KILLS = 6 * OFTEN;
/** Messages to a gate of which none may open it. */
export const MESSAGES = 100_000 * OFTEN;
/** Limits of a disk, drawn by chance. */
export const LIMITS = 10 * OFTEN;
/** Of so many combinations one is tried; a prime, so that no condition goes with another. */
export const OF_COMBINATIONS = OFTEN > 1 ? 1 : 7;
