export const search = {
  noPerson: `這個人臉庫中沒有人員 {id}：可能已被刪除。`,
  nameTaken: `已有人名為「{name}」：請改用其他姓名，或將照片加入該人員。`,
  noPhoto: `此人沒有照片 {id}：可能已被刪除。`,
  notANumber: `msg.faces 中的嵌入向量含有 NaN 或無限大：它不是由 facenet-embed 節點產生的。`,
  otherDimensions: `{length} 維的嵌入向量無法與 {dimensions} 維的人臉庫比對：請在 facenet-embed 與人臉庫使用相同的模型。`,
  aside: `已擱置：與此人其他照片的距離大於 τ（{distance}，τ {threshold}）。照片仍保留，但在有人確認是此人之前，不會用來比對任何人。`,
};
