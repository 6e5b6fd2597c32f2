export const nodes = {
  cameraNameTaken: `另一台攝影機也叫「{name}」（節點 {others}）：請為每台取不同的名稱，事件與統計才分得出是哪一台。`,
  cameraCommand: `此節點無法理解這則訊息：請在 msg.payload 傳送「start」、「stop」或「snapshot」。`,
  variableUnset: `環境變數 {name} 未設定。`,
};
