export const api = {
  internal: `內部發生錯誤：請查看 Node-RED 的記錄。`,
};
