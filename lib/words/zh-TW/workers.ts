export const workers = {
  full: `已有 {most} 件工作在等候這個階段：請減少同時傳送的圖片。`,
};
