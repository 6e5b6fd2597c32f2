export const speech = {
  notSpoken: `不會有語音`,
  stopped: `{program} 已停止。`,
  late: `{program} 未在 {seconds} 秒內結束，已停止。`,
  failed: `{program} 執行失敗：{reason}。`,
  noSound: `它沒有寫出聲音`,
  saidNothing: `eSpeak NG 對語言 {language} 沒有發出聲音：請選擇其他語言。`,
  closed: `它已關閉`,
  silent: `它未在 {seconds} 秒內回應`,
  processEnded: `它的程序已結束`,
  tooMany: `等候播放的問候語過多。`,
};
