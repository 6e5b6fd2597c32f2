export const liveness = {
  noTracks: `只有逐格追蹤的臉才能接受挑戰：請在此節點前接上攝影機，並在偵測節點勾選「追蹤臉部」；單張照片無法轉頭。`,
};
