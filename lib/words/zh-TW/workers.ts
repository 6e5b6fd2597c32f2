export const workers = {
  full: `已有 {most} 件工作在等候這個階段：請減少同時傳送的圖片。`,
  tooManyWaiting: `等候中的圖片過多（{most}）：請放慢傳送，收到前一張的回應後再傳下一張。`,
  tooManySources: `同時傳送影格的來源過多（{number}）：msg.frame.source 必須是攝影機的名稱，而非影格的。`,
};
