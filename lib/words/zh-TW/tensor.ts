export const tensor = {
  weightsCut: `{path} 旁的權重檔在 {name} 處不完整：請重新安裝本套件。`,
};
