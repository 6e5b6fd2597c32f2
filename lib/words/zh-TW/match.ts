export const match = {
  noEmbedding: `msg.faces 中有一張臉沒有嵌入向量：請在此節點前加上 facenet-embed 節點。`,
};
