export const common = {
  wrong: `{what}：{complaints}`,
  and: `{sentence}。{next}`,
  invalid: `{complaints}。`,
  region: `必須是四個數字：x、y、寬、高`,
  language: `必須是語言代碼，例如 en 或 zh-TW`,
  voice: `必須是聲音的名稱`,
  fingerprint: `必須是 SHA-256 指紋：64 個十六進位數字`,
  device: `必須是這台電腦的攝影機：Linux 為 /dev/video0，macOS 為 0，Windows 為攝影機名稱`,
  missing: `缺少此項`,
  path: `必須是路徑`,
  noFingerprint: `缺少此項：請提供攝影機憑證的 SHA-256 指紋`,
};
