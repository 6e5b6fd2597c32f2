export const match = {
  noEmbedding: `a face in msg.faces has no embedding: put a facenet-embed node before this one.`,
} as const;
