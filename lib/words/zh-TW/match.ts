export const match = {
  noEmbedding: `msg.faces 中有一張臉沒有嵌入向量：請在此節點前加上 facenet-embed 節點。`,
  fixed: `τ {threshold} 為固定值`,
  ofModel: `τ {threshold} 為模型 {model} 本身的值`,
  euclidean: `{own}：歐氏距離無法說明有多少陌生人會接近`,
  unmeasured: `{own}：尚未量測過此模型下陌生人彼此有多接近`,
  time: `必須是像「08:00」這樣的時間`,
};
