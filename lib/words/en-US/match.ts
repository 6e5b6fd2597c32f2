export const match = {
  noEmbedding: `a face in msg.faces has no embedding: put a facenet-embed node before this one.`,
  fixed: `τ {threshold} is fixed`,
  ofModel: `τ {threshold} is the model {model}'s own`,
  euclidean: `{own}: Euclidean distances do not say how many strangers come near`,
  unmeasured: `{own}: nobody has measured how near strangers come to each other by it`,
  time: `must be a time like "08:00"`,
} as const;
