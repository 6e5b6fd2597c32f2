export const calibrate = {
  wantedFmr: `所要的誤認率為 {fmr}：請給大於 0 且小於 1 的比例，千分之一即 0.001。`,
  mixed: `{length} 維與 {other} 維的嵌入向量無法一起校準：請提供同一個模型的向量。`,
};
